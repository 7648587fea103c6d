// The page: what is typed goes to the worker, what comes back is shown. Only the newest question of
// a kind waits, so that typing is never behind.
PAINT;

const get = id => document.getElementById(id);
const WAIT = 8000; // milliseconds for an answer, after which Python is started again

const Python = {
  ready: false, next: 1, waiting: new Map(), queue: new Map(), timer: null,
  start() {
    this.ready = false;
    this.worker = new Worker("worker.js", { type: "module" });
    this.worker.onmessage = event => this.hear(event.data);
    this.worker.onerror = event => this.broken(event.message || "the worker does not load");
  },
  // Ask; of questions of one kind that wait, only the last is asked.
  ask(question, then, kind = question.ask) {
    this.queue.set(kind, { question, then });
    this.send();
  },
  send() {
    if (!this.ready || this.waiting.size || !this.queue.size) return;
    const [kind, { question, then }] = this.queue.entries().next().value;
    this.queue.delete(kind);
    const id = this.next++;
    this.waiting.set(id, then);
    this.timer = setTimeout(() => this.broken("that took too long"), WAIT);
    this.worker.postMessage({ id, question });
  },
  hear({ id, ready, quick, reply, fatal }) {
    if (fatal !== undefined) return this.broken(fatal);
    if (ready) {
      this.ready = true;
      get("status").textContent = "Ready.";
      document.body.dataset.ready = "yes";
      document.body.dataset.quick = quick ? "yes" : "no";
      if (this.again) draw();
      this.again = false;
    } else {
      clearTimeout(this.timer);
      const then = this.waiting.get(id);
      this.waiting.delete(id);
      then(reply);
    }
    this.send();
  },
  broken(why) {
    clearTimeout(this.timer);
    this.worker.terminate();
    // What stands in the editor is tried once more: it need not be what was to blame.
    this.again = get("lines").value !== this.tried;
    this.tried = get("lines").value;
    this.waiting.clear();
    this.queue.clear();
    network = null;
    document.body.dataset.ready = "no";
    get("status").textContent = `Python was stopped (${why.split("\n")[0].slice(0, 80)}) and starts again.`;
    setTrain(false);
    this.start();
  },
};

// Theme ----------------------------------------------------------------------------------------

const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = () => (get("theme").value === "auto" ? (dark.matches ? "dark" : "light") : get("theme").value);
function paintTheme() {
  document.documentElement.dataset.theme = theme();
  draw();
  if (network) showNetwork(network);
}
get("theme").onchange = paintTheme;
dark.addEventListener("change", paintTheme);
const colour = name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// Lines and their picture ----------------------------------------------------------------------

const first = JSON.parse(get("first").textContent);
let base = null; // the last answer, with the text that it is about
let network = null, running = false; // the latest of the training, and whether it goes on
let at = 0, order = { right: [] }, player = null;

function draw() {
  const text = get("lines").value, style = get("style").value;
  Python.ask({ ask: "draw", text, style, theme: theme() }, reply => show(reply, text));
}

function show(reply, text) {
  if (reply.error) {
    const place = reply.line ? `line ${reply.line}: ` : "";
    const line = reply.line && reply.column ? `\n${text.split("\n")[reply.line - 1] || ""}\n${" ".repeat(reply.column)}^` : "";
    get("error").textContent = place + reply.error + line;
    get("lines").setAttribute("aria-invalid", "true");
    return;
  }
  get("error").textContent = "";
  get("lines").removeAttribute("aria-invalid");
  base = { ...reply, text };
  get("value").textContent = `${reply.name || "result"} = ${reply.value}`;
  showPicture();
  get("tree").textContent = reply.tree;
  get("paths").textContent = "";
  showLeaves(reply.leaves);
  stopSteps();
  keepLink();
}

function showPicture() {
  get("picture").innerHTML = base.svg;
  const svg = get("picture").querySelector("svg"); // an image has no parts to choose; a group has
  svg.setAttribute("role", "group");
  svg.setAttribute("aria-label", svg.querySelector("title").textContent);
  for (const group of get("picture").querySelectorAll("g[data-box]")) {
    group.setAttribute("tabindex", "0");
    group.setAttribute("role", "button");
    group.setAttribute("aria-label", base.boxes[+group.dataset.box].words);
  }
}

function showLeaves(leaves) {
  const board = get("leaves");
  const names = leaves.map(leaf => leaf.name).join();
  if (board.dataset.names !== names) {
    board.dataset.names = names;
    board.replaceChildren(...leaves.map((leaf, i) => {
      const row = document.createElement("label"), name = document.createElement("b");
      const slider = document.createElement("input"), said = document.createElement("span");
      row.className = "leaf";
      name.textContent = leaf.name;
      const reach = Math.max(1, 2 * Math.abs(leaf.value));
      Object.assign(slider, { type: "range", min: leaf.value - reach, max: leaf.value + reach, step: reach / 100 });
      slider.value = leaf.value;
      slider.oninput = () => move(i, +slider.value);
      row.append(name, slider, said);
      return row;
    }));
  }
  [...board.children].forEach((row, i) => {
    const slider = row.querySelector("input");
    if (document.activeElement !== slider) slider.value = leaves[i].value;
    row.querySelector("span").textContent = `${Number(leaves[i].value.toPrecision(6))}, gradient ${leaves[i].grad}`;
  });
}

// A slider writes its number into the lines: they are the one place where it stands.
function move(i, value) {
  const leaf = base.leaves[i], lines = base.text.split("\n"), line = lines[leaf.line - 1];
  lines[leaf.line - 1] = line.slice(0, leaf.start) + Number(value.toPrecision(4)) + line.slice(leaf.end);
  get("lines").value = lines.join("\n");
  draw();
}

get("lines").oninput = draw;
get("style").onchange = draw;

const groupOf = event => event.target.closest && event.target.closest("g[data-box]");
function choose(event) {
  const group = groupOf(event);
  if (!group) return;
  mark(+group.dataset.box, -1);
  Python.ask({ ask: "explain", box: +group.dataset.box }, reply => {
    get("paths").textContent = reply.error || reply.lines.join("\n");
  });
}
get("picture").onclick = choose;
get("picture").onkeydown = event => {
  if (event.key === "Enter" || event.key === " ") {
    if (!groupOf(event)) return;
    event.preventDefault();
    choose(event);
  }
};

function mark(now, to) {
  for (const group of get("picture").querySelectorAll("g[data-box]")) {
    const i = +group.dataset.box;
    group.setAttribute("class", i === now ? "mg-now" : i === to ? "mg-to" : "");
  }
}

// The backward pass, step by step --------------------------------------------------------------

function stopSteps() {
  pause();
  at = 0;
  order = { right: [] };
  get("step-at").value = get("step-at").max = 0;
  get("step-back").disabled = true;
  for (const id of ["step-text", "step-words", "wrong-text", "verdict"]) get(id).textContent = "";
}

function withSteps(then) {
  if (order.right.length) return then();
  Python.ask({ ask: "order", name: get("order").value }, reply => {
    if (reply.error) return;
    order = reply;
    get("step-at").max = reply.right.length;
    then();
  });
}

function go(target) {
  const { right, wrong = [] } = order;
  at = Math.max(0, Math.min(right.length, target));
  get("step-at").value = at;
  get("step-at").setAttribute("aria-valuetext", at ? right[at - 1].text : "before the first step");
  get("step-back").disabled = at === 0;
  if (!at) showPicture(); // with all gradients, as backward leaves them
  const grads = new Map();
  for (const step of right.slice(0, at)) grads.set(step.operand, step.grad);
  let largest = 0;
  for (const grad of grads.values()) largest = Math.max(largest, Math.abs(+grad) || 0);
  for (const group of get("picture").querySelectorAll("g[data-box]")) {
    const grad = at ? grads.get(+group.dataset.box) || "0.0" : null;
    if (grad !== null) paintBox(group, +grad, grad, largest);
  }
  const step = right[at - 1], other = wrong[Math.min(at - 2, wrong.length - 1)];
  mark(step ? step.node : -1, step ? step.operand : -1);
  get("step-text").textContent = step ? `${at} of ${right.length}: ${step.text}` : "";
  get("step-words").textContent = step ? step.words : "";
  get("wrong-text").textContent = at && other ? `${get("order").value}: ${other.text}` : "";
  get("verdict").textContent = at === right.length && order.verdict ? order.verdict : "";
}

function pause() {
  clearInterval(player);
  player = null;
  get("step-play").setAttribute("aria-pressed", "false");
  get("step-play").textContent = "Play";
}

get("step-on").onclick = () => { pause(); withSteps(() => go(at + 1)); };
get("step-back").onclick = () => { pause(); go(at - 1); };
get("step-at").oninput = event => { pause(); const target = +event.target.value; withSteps(() => go(target)); };
get("step-play").onclick = () => {
  if (player) return pause();
  withSteps(() => {
    if (at === order.right.length) go(0);
    get("step-play").setAttribute("aria-pressed", "true");
    get("step-play").textContent = "Pause";
    player = setInterval(() => { go(at + 1); if (at === order.right.length) pause(); }, 900);
  });
};
get("order").onchange = () => {
  const target = at;
  order = { right: [] };
  withSteps(() => go(Math.max(1, target)));
};

// Examples, links, files -----------------------------------------------------------------------

for (const name of Object.keys(first.examples)) get("example").append(new Option(name));
get("example").onchange = event => {
  get("lines").value = first.examples[event.target.value];
  draw();
};
for (const name of first.orders) get("order").append(new Option(name));

const SETTINGS = ["style", "order", "data", "layers", "activation", "rate"];

function keepLink() {
  const state = { text: get("lines").value, view: get("train-view").hidden ? "lines" : "train" };
  for (const id of SETTINGS) state[id] = get(id).value;
  const bytes = new TextEncoder().encode(JSON.stringify(state));
  const code = btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  history.replaceState(null, "", `#${code}`);
}

function openLink() {
  const code = location.hash.slice(1);
  if (!code) return false;
  try {
    const bytes = Uint8Array.from(atob(code.replaceAll("-", "+").replaceAll("_", "/")), c => c.charCodeAt(0));
    const state = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof state.text !== "string") throw new Error("no lines");
    get("lines").value = state.text;
    for (const id of SETTINGS) {
      const field = get(id), fits = !field.options || [...field.options].some(o => o.value === state[id]);
      if (typeof state[id] === "string" && fits) field.value = state[id];
    }
    view(state.view === "train" ? "train" : "lines");
    return true;
  } catch {
    get("error").textContent = "This link is damaged: it opens with an example in its place.";
    return false;
  }
}
addEventListener("hashchange", () => { if (openLink()) draw(); });

get("link").onclick = async () => {
  try {
    await navigator.clipboard.writeText(location.href);
    get("status").textContent = "The link is copied.";
  } catch {
    get("status").textContent = "Copy the link from the address bar: it holds these lines.";
  }
};

function download(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
get("save-svg").onclick = () => base && download("graph.svg", "image/svg+xml", base.svg);
get("save-notebook").onclick = () =>
  Python.ask({ ask: "notebook", text: get("lines").value }, reply => {
    if (reply.error) get("error").textContent = reply.error;
    else download("graph.ipynb", "application/x-ipynb+json", JSON.stringify(reply.notebook, null, 1));
  });

// Training -------------------------------------------------------------------------------------

function view(name) {
  get("lines-view").hidden = name !== "lines";
  get("train-view").hidden = name !== "train";
  get("to-lines").setAttribute("aria-pressed", name === "lines");
  get("to-train").setAttribute("aria-pressed", name === "train");
  if (name !== "train") setTrain(false);
  else if (!network) newNetwork();
  if (base) keepLink();
}
get("to-lines").onclick = () => view("lines");
get("to-train").onclick = () => view("train");

function newNetwork() {
  setTrain(false);
  const layers = get("layers").value.split(/[ ,]+/).filter(Boolean).map(Number);
  const settings = { data: get("data").value, layers, activation: get("activation").value, rate: +get("rate").value };
  Python.ask({ ask: "train", ...settings }, showNetwork, "training");
  keepLink();
}
for (const id of ["data", "layers", "activation", "rate"]) get(id).onchange = newNetwork;
get("new").onclick = newNetwork;

function setTrain(on) {
  running = on;
  get("train").setAttribute("aria-pressed", on);
  get("train").textContent = on ? "Pause" : "Train";
  if (on) train();
}
function train() {
  if (!running) return;
  Python.ask({ ask: "step", count: 4 }, reply => {
    showNetwork(reply);
    if (running) requestAnimationFrame(train);
  }, "training");
}
get("train").onclick = () => setTrain(!running);
get("train-step").onclick = () => { setTrain(false); Python.ask({ ask: "step", count: 1 }, showNetwork, "training"); };
get("train-back").onclick = () => { setTrain(false); Python.ask({ ask: "back" }, showNetwork, "training"); };

function showNetwork(reply) {
  get("train-error").textContent = reply.error || "";
  if (reply.error) return setTrain(false);
  network = reply;
  const last = reply.loss[reply.loss.length - 1];
  const loss = reply.loss.length ? `, loss ${last === null ? "not a number" : last.toPrecision(4)}` : "";
  const words = `Step ${reply.step}${loss}, ${Math.round(100 * reply.accuracy)} % right, ${reply.parameters} parameters`;
  get("train-said").setAttribute("aria-live", running ? "off" : "polite");
  get("train-said").textContent = words;
  get("plane").setAttribute("aria-label", `What the network says where. ${words}`);
  get("train-back").disabled = !reply.back;
  get("doctor").replaceChildren(...(reply.findings.length ? reply.findings : [
    reply.step < 25 ? "Looks every 25 steps." : "No finding: the gradients are healthy."]).map(words => {
    const line = document.createElement("p");
    line.textContent = words;
    return line;
  }));
  get("gradients").replaceChildren(...reply.gradients.map(({ name, size }) => {
    const row = document.createElement("div"), bar = document.createElement("i");
    const label = document.createElement("span"), number = document.createElement("span");
    row.className = "bar";
    label.textContent = name;
    number.textContent = size.toExponential(1);
    bar.style.width = `${Math.max(0, Math.min(100, 100 * (1 + Math.log10(size || 1e-9) / 6)))}%`;
    const track = document.createElement("div");
    track.append(bar);
    row.append(label, track, number);
    return row;
  }));
  paintPlane(reply);
  paintLoss(reply.loss);
}

function mixed(p) { // from blue through the paper to orange
  const paper = theme() === "dark" ? [22, 27, 34] : [255, 255, 255];
  const full = p < 0.5 ? [86, 146, 214] : [226, 139, 62], part = Math.min(1, 2 * Math.abs(p - 0.5));
  return paper.map((x, i) => x + (full[i] - x) * part);
}

// A number between those of the cells, which stand in the middles of their squares.
function between(plane, cells, x, y) {
  const inside = v => Math.max(0, Math.min(cells - 1, v));
  const c = inside(x * cells - 0.5), r = inside(y * cells - 0.5);
  const left = Math.floor(c), top = Math.floor(r), right = inside(left + 1), low = inside(top + 1);
  const at = (i, j) => plane[i * cells + j];
  return (at(top, left) * (1 - c + left) + at(top, right) * (c - left)) * (1 - r + top) +
         (at(low, left) * (1 - c + left) + at(low, right) * (c - left)) * (r - top);
}

function paintPlane({ plane, cells, points }) {
  const canvas = get("plane"), pen = canvas.getContext("2d"), size = canvas.width, fine = size / 3;
  const small = document.createElement("canvas");
  small.width = small.height = fine;
  const pixels = new ImageData(fine, fine);
  for (let i = 0; i < fine * fine; i++) {
    const p = between(plane, cells, (i % fine + 0.5) / fine, (Math.floor(i / fine) + 0.5) / fine);
    pixels.data.set([...mixed(p), 255], 4 * i);
  }
  small.getContext("2d").putImageData(pixels, 0, 0);
  pen.drawImage(small, 0, 0, size, size);
  for (const [x, y, kind] of points) {
    pen.beginPath();
    if (kind) pen.rect(x * size - 4, y * size - 4, 8, 8);
    else pen.arc(x * size, y * size, 4.5, 0, 7);
    pen.fillStyle = kind ? "#b35806" : "#1f5fa0";
    pen.strokeStyle = "#ffffff";
    pen.fill();
    pen.stroke();
  }
}

function paintLoss(losses) {
  const canvas = get("loss"), pen = canvas.getContext("2d"), { width, height } = canvas;
  pen.fillStyle = colour("paper");
  pen.fillRect(0, 0, width, height);
  const known = losses.filter(x => x !== null);
  if (!known.length) return;
  const top = Math.max(...known, 1e-9);
  pen.strokeStyle = colour("plus");
  pen.lineWidth = 2;
  pen.beginPath();
  known.forEach((x, i) => pen.lineTo(4 + i / Math.max(1, known.length - 1) * (width - 8), height - 6 - x / top * (height - 26)));
  pen.stroke();
  pen.fillStyle = colour("ink");
  pen.font = "12px sans-serif";
  pen.fillText(`loss, from 0 to ${top.toPrecision(3)}`, 6, 14);
}

// Begin ----------------------------------------------------------------------------------------

get("lines").value = Object.values(first.examples)[0];
document.documentElement.dataset.theme = theme();
const opened = openLink();
const damaged = get("error").textContent;
if (!opened) {
  show(first.drawn[theme()], get("lines").value);
  get("error").textContent = damaged;
}
Python.start();
if (opened || get("style").value !== "node") draw();
