// Python beside the page: it answers questions, one after the other, and blocks nothing.
import { loadPyodide } from "./pyodide/pyodide.mjs";

const here = new URL(".", self.location.href).href;
let answer = null;

async function load() {
  const wheel = fetch(here + "WHEEL").then(reply => reply.arrayBuffer());
  const pyodide = await loadPyodide({ indexURL: here + "pyodide/" });
  pyodide.unpackArchive(await wheel, "zip", { extractDir: "/lib/micrograd" });
  pyodide.runPython(`
import sys
sys.path.insert(0, "/lib/micrograd")
from micrograd.play.engine import answer
for name in ("js", "pyodide_js", "pyodide.http", "pyodide.code"):  # lines have no way out
    sys.modules[name] = None
`);
  answer = pyodide.globals.get("answer");
  self.postMessage({ id: 0, ready: true });
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
