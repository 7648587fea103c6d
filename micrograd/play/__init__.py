"""The page: micrograd in a browser, with no Python installed; `python -m micrograd play`.

`lines.py` runs what somebody types, `engine.py` answers the page's questions about it,
`training.py` trains a network for it a few steps at a time. `folder.py` puts the page, Pyodide
and this package into a folder that any server can carry, and `command.py` opens it. Read
`lines.py` first; the page itself is in `page/`.
"""
