"""The page of `graph/explore.py`: HTML, CSS and the script that folds, searches and lights."""

from __future__ import annotations

from .page import document, following

STYLE = """<style>
.tools{display:flex;flex-wrap:wrap;gap:10px;align-items:center;margin-bottom:8px}
.tools input{font:inherit;font-size:14px;padding:5px 10px;min-width:180px;color:var(--ink);
background:var(--box);border:1px solid var(--border);border-radius:6px}
.tools output{min-width:0;text-align:left;color:var(--faint);font-size:13px}
.stage{position:relative;overflow:visible}
.stage>svg{max-width:100%;height:auto}
[data-box],[data-frame],[data-cover]{cursor:pointer}
.mg-caption{pointer-events:none}
.mg-cover{display:none}
.mg-cover.shut{display:inline}
.dim [data-box]:not(.lit),.dim [data-link]:not(.lit){opacity:.18}
[data-box].lit .mg-box,[data-box].lit .mg-gate,[data-box].lit .mg-number{stroke:var(--minus);
stroke-width:2.5}
[data-box].here .mg-box,[data-box].here .mg-gate{stroke:var(--plus);stroke-width:3}
[data-link].lit path{stroke:var(--minus);stroke-width:2}
[data-link].lit .mg-tip,[data-link].lit .mg-head{fill:var(--minus)}
.lens{position:absolute;max-width:92%;overflow:auto;background:var(--paper);padding:8px;
border:2px solid var(--plus);border-radius:8px;box-shadow:0 6px 24px #0005;max-height:80vh}
.lens svg{display:block;max-width:none}
.lens button{position:sticky;left:100%;top:0;min-width:0;padding:2px 8px}
</style>
"""

BODY = """<div class="tools">
<input id="search" type="search" placeholder="search by name" aria-label="Search by name">
<button type="button" id="fold" title="Fold all frames">Fold all</button>
<button type="button" id="open" title="Unfold all frames">Unfold all</button>
<output id="said" aria-live="polite"></output></div>
<div class="stage" id="stage" tabindex="0" aria-label="The graph">SVG</div>
<p class="hint">Click a frame to fold it, its lid to unfold it; a box to light its paths to the
result and to the leaves, again to look inside; Escape for the whole picture.</p>
LENSES
<script type="application/json" id="data">DATA</script>
<script>SCRIPT</script>"""

SCRIPT = """
"use strict";
(() => {
  const get = id => document.getElementById(id);
  const data = JSON.parse(get("data").textContent), stage = get("stage");
  const svg = stage.querySelector("svg"), said = get("said");
  const all = place => [...svg.querySelectorAll(place)];
  const boxes = new Map();
  for (const group of all("[data-box]")) {
    const i = +group.dataset.box;
    boxes.set(i, [...(boxes.get(i) || []), group]);
  }
  const links = new Map(all("[data-link]").map(group => [+group.dataset.link, group]));
  let chosen = null;

  function clear() {
    svg.classList.remove("dim");
    for (const group of all(".lit,.here")) group.classList.remove("lit", "here");
    for (const lens of stage.querySelectorAll(".lens")) lens.remove();
    chosen = null;
    said.textContent = "";
  }

  // Everything that a box leads to (up), or is computed from (down).
  function reach(start, up) {
    const found = new Set([start]), along = new Set();
    const stack = [start];
    while (stack.length) {
      const i = stack.pop();
      data.links.forEach(([source, target], k) => {
        const [from, to] = up ? [source, target] : [target, source];
        if (from !== i) return;
        along.add(k);
        if (!found.has(to)) { found.add(to); stack.push(to); }
      });
    }
    return [found, along];
  }

  function light(i) {
    clear();
    chosen = i;
    svg.classList.add("dim");
    for (const up of [true, false]) {
      const [found, along] = reach(i, up);
      for (const j of found) {
        for (const group of boxes.get(j) || []) group.classList.add("lit");
        for (const k of data.nodes[j]) links.get(k)?.classList.add("lit");
      }
      for (const k of along) links.get(k)?.classList.add("lit");
    }
    for (const group of boxes.get(i)) group.classList.add("here");
    said.textContent = boxes.get(i)[0].querySelector("title").textContent;
  }

  function look(i) {
    const inner = get("lens" + i);
    if (!inner) return;
    const lens = document.createElement("div"), shut = document.createElement("button");
    lens.className = "lens";
    lens.dataset.of = i;
    shut.textContent = "\\u00d7";
    shut.title = "Close";
    shut.onclick = event => { event.stopPropagation(); lens.remove(); };
    lens.append(shut, inner.content.cloneNode(true));
    const box = boxes.get(i)[0].getBoundingClientRect(), seen = stage.getBoundingClientRect();
    lens.style.top = box.bottom - seen.top + stage.scrollTop + 6 + "px";
    stage.append(lens);
    const room = stage.clientWidth - lens.offsetWidth - 4;
    lens.style.left = Math.max(0, Math.min(box.left - seen.left, room)) + "px";
  }

  function shut(g, on) {
    svg.querySelector(`[data-cover="${g}"]`)?.classList.toggle("shut", on);
  }

  function search(words) {
    clear();
    words = words.trim().toLowerCase();
    if (!words) return;
    svg.classList.add("dim");
    let count = 0;
    data.names.forEach((name, i) => {
      if (!name.includes(words)) return;
      count += 1;
      for (const group of boxes.get(i) || []) group.classList.add("lit");
    });
    said.textContent = count === 1 ? "1 box" : count + " boxes";
  }

  svg.addEventListener("click", event => {
    const cover = event.target.closest("[data-cover]"), box = event.target.closest("[data-box]");
    const frame = event.target.closest("[data-frame]");
    if (cover) return shut(cover.dataset.cover, false);
    if (box) {
      const i = +box.dataset.box;
      return chosen === i ? look(i) : light(i);
    }
    clear();
    if (frame) shut(frame.dataset.frame, true);
  });
  get("search").oninput = event => search(event.target.value);
  function shutAll(on) {
    clear();
    for (const cover of all("[data-cover]")) cover.classList.toggle("shut", on);
  }
  get("fold").onclick = () => shutAll(true);
  get("open").onclick = () => shutAll(false);
  document.addEventListener("keydown", event => { if (event.key === "Escape") clear(); });
})();
"""


def html(title: str, theme: str, svg: str, lenses: dict[int, str], data: str) -> str:
    """The page of a picture; what the user wrote goes in last, so that none of it is a place."""
    before, rest = BODY.replace("SCRIPT", SCRIPT).split("SVG</div>")
    middle, rest = rest.split("LENSES")
    between, end = rest.split("DATA", 1)
    inner = "".join(
        f'<template id="lens{i}">{picture}</template>\n' for i, picture in lenses.items()
    )
    data = data.replace("<", "\\u003c")  # nothing in a label can end the script element
    body = "".join((STYLE, before, svg, "</div>", middle, inner, between, data, end))
    return document(title, theme, body + following(theme))
