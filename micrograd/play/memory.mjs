// Run by node while the page is built: Python's memory once it has started and imported this
// package, for `worker.js` to go on from. `node memory.mjs PYODIDE PACKAGE OUT`, all of them paths.
//
// It is written only if Python goes on from it here and answers the same.
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [pyodide, archive, out] = process.argv.slice(2);
process.argv[1] = "/page"; // Python remembers its program: the world need not know our folders
const { loadPyodide } = await import(pathToFileURL(`${pyodide}/pyodide.mjs`).href);
const QUESTION = JSON.stringify({ ask: "draw", text: "a = 2\nb = tanh(a)\nb * a" });

async function started(options) {
  const python = await loadPyodide({ indexURL: `${pyodide}/`, ...options });
  python.unpackArchive(new Uint8Array(readFileSync(archive)), "zip", { extractDir: "/lib/micrograd" });
  return python;
}

function answered(python) {
  const answer = python.globals.get("answer");
  const said = answer(QUESTION);
  answer.destroy();
  return said;
}

const first = await started({ _makeSnapshot: true });
first.runPython(`
import gc, sys
sys.path.insert(0, "/lib/micrograd")
from micrograd.play.engine import answer
gc.collect()
`);
const memory = first.makeMemorySnapshot();
const expected = answered(first);
const again = await started({ _loadSnapshot: memory });
if (answered(again) !== expected) throw new Error("Python answers something else from its memory");
writeFileSync(out, memory);
