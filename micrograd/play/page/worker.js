// Python beside the page: it answers questions, one after the other, and blocks nothing.
import { loadPyodide } from "./pyodide/pyodide.mjs";

const here = new URL(".", self.location.href).href;
const memory = "MEMORY"; // of Python, once it has imported the package; none where it is not made
let answer = null;

async function remembered() {
  const reply = await fetch(here + memory);
  if (!reply.ok) throw new Error(`${memory} is not here`);
  return new Response(reply.body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

async function start() {
  const options = { indexURL: here + "pyodide/" };
  if (memory) {
    try {
      return [await loadPyodide({ ...options, _loadSnapshot: remembered() }), true];
    } catch (error) {
      console.warn(`Python starts anew: ${error}`);
    }
  }
  return [await loadPyodide(options), false];
}

async function load() {
  const wheel = fetch(here + "WHEEL").then(reply => reply.arrayBuffer());
  const [pyodide, quick] = await start();
  pyodide.unpackArchive(await wheel, "zip", { extractDir: "/lib/micrograd" });
  pyodide.runPython(`
import random, sys
random.seed()  # what is remembered would begin alike for everybody
if "/lib/micrograd" not in sys.path:
    sys.path.insert(0, "/lib/micrograd")
from micrograd.play.engine import answer
for name in ("js", "pyodide_js", "pyodide.http", "pyodide.code"):  # lines have no way out
    sys.modules[name] = None
`);
  answer = pyodide.globals.get("answer");
  self.postMessage({ id: 0, ready: true, quick });
}

self.onmessage = async event => {
  await loading;
  const { id, question } = event.data;
  try {
    self.postMessage({ id, reply: JSON.parse(answer(JSON.stringify(question))) });
  } catch (error) { // Python itself has ended: the page starts it again
    self.postMessage({ id, fatal: String(error) });
  }
};

const loading = load();
loading.catch(error => self.postMessage({ id: 0, fatal: String(error) }));
