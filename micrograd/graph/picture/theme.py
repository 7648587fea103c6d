"""The colours and fonts of a drawing, as the style sheet inside its SVG.

Written out without CSS variables, which programs other than browsers do not read, and
for the pictures of one theme alone, so that pictures of several can stand on a page.

The theme "auto" is that of whatever shows the picture, which browsers know as its `color-scheme`;
programs that do not, such as those for drawings, see the light colours.
"""

from __future__ import annotations

FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
COLOURS = {
    "light": {
        "paper": "#ffffff",
        "ink": "#1f2328",
        "faint": "#59636e",
        "box": "#f6f8fa",
        "border": "#818b98",
        "plus": "#b35806",
        "minus": "#2b5ba8",
        "green": "#116329",
        "red": "#c11f2a",
        "now": "#fff3c4",
        "rim": "#afb8c1",
        "flow": "#e5898f",
        "pane": "#eaeef208",
    },
    "dark": {
        "paper": "#0d1117",
        "ink": "#e6edf3",
        "faint": "#9198a1",
        "box": "#161b22",
        "border": "#6e7681",
        "plus": "#f0a35e",
        "minus": "#79b0ff",
        "green": "#56d364",
        "red": "#ff7b72",
        "now": "#4b3a08",
        "rim": "#444c56",
        "flow": "#a04a4a",
        "pane": "#8b949e08",
    },
}
EITHER = {
    name: f"light-dark({hue},{COLOURS['dark'][name]})" for name, hue in COLOURS["light"].items()
}
# Where a page says in other words that it is dark: older notebooks.
DARK = ":is([data-jp-theme-light=false],.vscode-dark)"
# What has which colour, by class; the shapes and sizes that need none follow.
PAINT = (
    ("mg-paper", "fill", "paper"),
    ("mg-text", "fill", "ink"),
    ("mg-faint", "fill", "faint"),
    ("mg-edge", "stroke", "border"),
    ("mg-tip", "fill", "border"),
    ("mg-box", "fill", "box"),
    ("mg-box", "stroke", "border"),
    ("mg-number", "stroke", "border"),
    ("mg-frame", "stroke", "rim"),
    ("mg-frame", "fill", "pane"),
    ("mg-mark", "stroke", "border"),
    ("mg-caption", "fill", "faint"),
    ("mg-plus", "fill", "plus"),
    ("mg-minus", "fill", "minus"),
    ("mg-wire", "stroke", "ink"),
    ("mg-head", "fill", "ink"),
    ("mg-gate", "stroke", "ink"),
    ("mg-gate", "fill", "box"),
    ("mg-value", "fill", "green"),
    ("mg-back", "stroke", "red"),
    ("mg-barb", "fill", "red"),
    ("mg-slope", "fill", "red"),
    ("mg-hot", "stroke", "red"),
    ("mg-now .mg-box", "fill", "now"),
    ("mg-now .mg-gate", "fill", "now"),
    ("mg-now .mg-box", "stroke", "plus"),
    ("mg-to .mg-box", "stroke", "red"),
    ("mg-to .mg-gate", "stroke", "red"),
    ("mg-found .mg-box", "stroke", "red"),
    ("mg-found .mg-gate", "stroke", "red"),
    ("mg-frame.mg-found", "stroke", "red"),
    ("mg-lid", "fill", "box"),
    ("mg-lid", "stroke", "border"),
    ("mg-flow", "stroke", "flow"),
    ("mg-dead", "stroke", "faint"),
)
SHAPE = (
    "text{font-family:" + FONT + ";font-size:12px}",
    ".mg-title{font-weight:bold;font-size:14px}",
    ".mg-small{font-size:11px}",
    ".mg-edge,.mg-wire,.mg-back{fill:none;stroke-width:1.2}",
    ".mg-box,.mg-gate{stroke-width:1.2}",
    ".mg-hot{fill:none;stroke-width:3}",
    ".mg-now .mg-box,.mg-to .mg-box,.mg-now .mg-gate,.mg-to .mg-gate{stroke-width:2.5}",
    ".mg-frame{stroke-width:1.2}",
    ".mg-mark{fill:none;stroke-width:1;stroke-dasharray:2 2}",
    ".mg-found .mg-box,.mg-found .mg-gate,.mg-frame.mg-found{stroke-width:2.5}",
    ".mg-flow{fill:none}",
    ".mg-dead{fill:none;stroke-width:1;stroke-dasharray:2 4}",
    ".mg-strong{font-weight:bold}",
    ".mg-caption{font-weight:bold}",
    ".mg-number{fill:none;stroke-dasharray:3 2}",
)


def check_theme(theme: object) -> None:
    if theme not in ("light", "dark", "auto"):
        raise ValueError(f'draw: the theme is "light", "dark" or "auto", not {theme!r}')


def style_sheet(theme: str) -> str:
    """The style sheet of a theme; it speaks of pictures of this theme alone."""
    check_theme(theme)
    root = f".mg-{theme}"
    shape = "".join(f"{root} {rule}" for rule in split(SHAPE, root))
    if theme != "auto":
        return shape + paint(COLOURS[theme], root)
    return shape + following(root, paint(COLOURS["light"], root), paint(EITHER, root))


def following(root: str, light: str, either: str) -> str:
    """Rules for what follows the theme around it: the light ones, and those of `EITHER`.

    A picture that is a page of its own, or stands there as an image, has the theme of its reader.
    """
    rules = f"{either}{root}:root{{color-scheme:light dark}}{DARK} {root}{{color-scheme:dark}}"
    return f"{light}@supports (color:light-dark(red,red)){{{rules}}}"


def split(rules: tuple[str, ...], root: str) -> list[str]:
    """The rules, with the root also after each comma between their selectors."""
    found = []
    for rule in rules:
        selectors, brace, body = rule.partition("{")
        found.append(selectors.replace(",", f",{root} ") + brace + body)
    return found


def paint(colours: dict[str, str], root: str) -> str:
    return "".join(f"{root} .{name}{{{what}:{colours[hue]}}}" for name, what, hue in PAINT)
