"""The page of `frames.py`: HTML, CSS and the script that turns the pages of the film."""

from __future__ import annotations

from html import escape

from .theme import COLOURS, EITHER, FONT

CSS = """
:root{VARIABLES;color-scheme:SCHEME}
EITHER
body{margin:0;padding:12px 16px;background:var(--paper);color:var(--ink);font-family:FONT}
h1{font-size:16px;margin:0 0 8px}
.bar{display:flex;flex-wrap:wrap;gap:8px;align-items:center;margin-bottom:8px}
button,select{font:inherit;font-size:14px;min-width:72px;padding:5px 10px;cursor:pointer;
color:var(--ink);background:var(--box);border:1px solid var(--border);border-radius:6px}
button:disabled{opacity:.45;cursor:default}
button:focus-visible,input:focus-visible,select:focus-visible{outline:2px solid var(--minus)}
input[type=range]{flex:1;min-width:140px}
output{font-variant-numeric:tabular-nums;min-width:5em;text-align:right}
.sum{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:18px;min-height:1.5em}
.words{min-height:1.4em;color:var(--faint)}
.formula{min-height:3.2em;font-size:18px}
.formula math{text-align:left;margin:4px 0}
.stage{overflow:auto;border:1px solid var(--border);border-radius:6px;margin-top:8px}
.stage svg{display:block;margin:auto}
.hint{font-size:12px;color:var(--faint);margin:8px 0 0}
figure{margin:0 0 28px;page-break-inside:avoid}
figcaption{margin-bottom:6px}
figure .stage{margin:0}
figure .formula,figure .sum,figure .words{min-height:0}
"""

BODY = """<h1>TITLE</h1>
<div class="bar" role="group" aria-label="Film">
<button type="button" id="first" title="To the beginning (Home)">Start</button>
<button type="button" id="back" title="One step back (left arrow)">Back</button>
<button type="button" id="play" title="Play or pause (space)" aria-pressed="false">Play</button>
<button type="button" id="step" title="One step on (right arrow)">Step</button>
<input type="range" id="slider" min="0" max="LAST" value="0" step="1" aria-label="Step">
<output id="count" for="slider">0 / LAST</output>
<select id="speed" aria-label="Speed"><option value="2400">slow</option>
<option value="1200" selected>normal</option><option value="400">fast</option></select>
</div>
<div aria-live="polite"><div class="sum" id="sum"></div><div class="words" id="words"></div></div>
<div class="formula" id="formula"></div>
<div class="stage" id="stage" tabindex="0" aria-label="The graph">SVG</div>
<p class="hint">Keys: space plays and pauses, the arrows step, Home and End go to the ends.</p>
<script type="application/json" id="film">DATA</script>
<script>SCRIPT</script>"""

# Paints what is known into a picture; also used by live.py.
PAINT = """
function write(group, place, text) {
  for (const element of group.querySelectorAll(place)) {
    const before = element.textContent.match(/^(data |grad |.* = )?/)[0];
    if (element.textContent !== before + text) element.textContent = before + text;
  }
}

function paintBox(group, grad, text, largest) {
  write(group, ".mg-grad", text);
  const bar = group.querySelector(".mg-bar");
  const box = group.querySelector(".mg-box");
  if (bar && box) {
    const width = +box.getAttribute("width"), middle = +box.getAttribute("x") + width / 2;
    const size = grad === null ? 1 : largest ? Math.abs(grad) / largest : 0;
    const length = grad ? (width / 2 - 8) * Math.min(1, Math.sqrt(size)) : 0;
    bar.setAttribute("x", grad < 0 ? middle - length : middle);
    bar.setAttribute("width", length);
    bar.setAttribute("class", "mg-bar " + (grad < 0 ? "mg-minus" : "mg-plus"));
  }
}
"""

SCRIPT = (
    PAINT
    + """
(() => {
  const film = JSON.parse(document.getElementById("film").textContent);
  const get = id => document.getElementById(id);
  const last = film.texts.length - 1;
  const svg = get("stage").querySelector("svg");
  const boxes = new Map();
  for (const group of svg.querySelectorAll("[data-box]")) {
    const i = +group.dataset.box;
    boxes.set(i, (boxes.get(i) || []).concat(group));
  }
  const hot = svg.querySelector(".mg-hot");
  let now = 0, timer = null;

  function show(target) {
    now = Math.max(0, Math.min(last, target));
    const grads = new Map(), texts = new Map();
    for (let k = 1; k <= now; k++) {
      grads.set(film.operand[k], film.grad[k]);
      texts.set(film.operand[k], film.shown[k]);
    }
    let largest = 0;
    for (const g of grads.values()) if (g !== null) largest = Math.max(largest, Math.abs(g));
    for (const [i, groups] of boxes) {
      for (const group of groups) {
        paintBox(group, grads.has(i) ? grads.get(i) : 0, texts.get(i) || "0.0", largest);
        group.setAttribute("class",
          i === film.node[now] ? "mg-now" : i === film.operand[now] ? "mg-to" : "");
      }
    }
    hot.setAttribute("d", film.routes[now]);
    get("sum").textContent = film.texts[now];
    get("words").textContent = film.words[now];
    get("formula").innerHTML = film.formulas[now];
    get("slider").value = now;
    get("slider").setAttribute("aria-valuetext", film.texts[now] || film.words[now]);
    get("count").textContent = now + " / " + last;
    get("first").disabled = get("back").disabled = now === 0;
    get("step").disabled = now === last;
    follow();
  }

  function follow() {
    const groups = boxes.get(film.operand[now]);
    const stage = get("stage");
    if (!groups || stage.scrollWidth <= stage.clientWidth) return;
    const box = groups[0].getBoundingClientRect(), seen = stage.getBoundingClientRect();
    if (box.left < seen.left || box.right > seen.right)
      stage.scrollLeft += (box.left + box.right - seen.left - seen.right) / 2;
  }

  function pause() {
    clearInterval(timer);
    timer = null;
    get("play").textContent = "Play";
    get("play").setAttribute("aria-pressed", "false");
  }

  function play() {
    if (timer) return pause();
    if (now === last) show(0);
    get("play").textContent = "Pause";
    get("play").setAttribute("aria-pressed", "true");
    timer = setInterval(() => { show(now + 1); if (now === last) pause(); }, +get("speed").value);
  }

  const go = target => { pause(); show(target); };
  get("first").onclick = () => go(0);
  get("back").onclick = () => go(now - 1);
  get("step").onclick = () => go(now + 1);
  get("play").onclick = play;
  get("slider").oninput = event => go(+event.target.value);
  get("speed").onchange = () => { if (timer) { pause(); play(); } };
  document.addEventListener("keydown", event => {
    if (event.target.tagName === "SELECT" || event.ctrlKey || event.metaKey || event.altKey) return;
    const keys = {ArrowRight: () => go(now + 1), ArrowLeft: () => go(now - 1),
                  Home: () => go(0), End: () => go(last), " ": play};
    if (event.key === " " && event.target.tagName === "BUTTON") return;
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });
  show(0);
})();
"""
)


def css(theme: str) -> str:
    def variables(colours: dict[str, str]) -> str:
        return ";".join(f"--{key}:{colour}" for key, colour in colours.items())

    either = ""
    if theme == "auto":
        either = f"@supports (color:light-dark(red,red)){{:root{{{variables(EITHER)}}}}}"
    return (
        CSS.replace("VARIABLES", variables(COLOURS["dark" if theme == "dark" else "light"]))
        .replace("SCHEME", "light dark" if theme == "auto" else theme)
        .replace("EITHER", either)
        .replace("FONT", FONT)
    )


def document(title: str, theme: str, body: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{css(theme)}</style>\n</head>\n<body>\n{body}\n"
        "</body>\n</html>\n"
    )


# In a notebook the page has the theme of what is around it, and not that of the reader's system.
FOLLOW = """<script>
(() => {
  let frame = null;
  try { frame = window.frameElement; } catch { /* it is shown by another server */ }
  if (!frame) return;
  const outer = frame.ownerDocument, look = frame.ownerDocument.defaultView;
  function follow() {
    const scheme = look.getComputedStyle(frame).colorScheme;
    document.documentElement.style.colorScheme = scheme === "normal" ? "" : scheme;
  }
  const watcher = new MutationObserver(follow);
  for (const element of [outer.documentElement, outer.body])
    watcher.observe(element, { attributes: true });
  follow();
})();
</script>
"""


def following(theme: str) -> str:
    """The script that gives a page the theme of the notebook around it, if it is to follow."""
    return FOLLOW if theme == "auto" else ""


# What notebooks say of their theme, in words of CSS.
EMBEDDED = (
    "<style>:is([data-jp-theme-light=true],.vscode-light) .mg-page{color-scheme:light}"
    ":is([data-jp-theme-light=false],.vscode-dark) .mg-page{color-scheme:dark}</style>"
)


def embedded(page: str, title: str, height: float) -> str:
    """A page in a frame of its own, which keeps its names and keys from those of a notebook."""
    return (
        f'{EMBEDDED}<iframe class="mg-page" srcdoc="{escape(page)}" title="{escape(title)}" '
        f'style="width:100%;height:{height:.0f}px;border:0"></iframe>'
    )


def html(title: str, svg: str, data: str, last: int, theme: str) -> str:
    """The page of a film, from its first picture and what changes in the others as JSON."""
    body = BODY.replace("LAST", str(last)).replace("SCRIPT", SCRIPT)
    # What the user wrote goes in last, so that nothing in it is taken for a place.
    before, after = body.split("TITLE")
    middle, rest = after.split("SVG</div>", 1)
    between, end = rest.split("DATA", 1)
    parts = (before, escape(title), middle, svg, "</div>", between, data, end)
    return document(title, theme, "".join(parts) + following(theme))


def strip(title: str, figures: str, theme: str) -> str:
    """A page of pictures one below the other."""
    return document(title, theme, f"<h1>{escape(title)}</h1>\n{figures}")


def figure(i: int, svg: str, text: str, words: str, formula: str) -> str:
    """One picture of a strip, with its arithmetic above it."""
    return (
        f'<figure>\n<figcaption><div class="sum">{i}. {escape(text)}</div>'
        f'<div class="words">{escape(words)}</div><div class="formula">{formula}</div>'
        f'</figcaption>\n<div class="stage">{svg}</div>\n</figure>\n'
    )
