"""What a long training loop shows and hears: a progress bar, and Ctrl-C at a moment that suits.

The loops themselves are in `loop.py` and `compiler/fit.py`; read `loop.py` next.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any


def terminal_columns() -> int:
    """The width of the terminal that errors go to, as the bar does; 80 where it does not know."""
    try:
        found = int(os.environ.get("COLUMNS", 0)) or os.get_terminal_size(2).columns
    except (ValueError, OSError):
        return 80
    return found if found > 0 else 80


NARROW = 70  # columns below which there is no room for a bar beside the numbers


class Progress:
    """A progress bar that counts to `total`, or nothing at all if it is not `visible`.

    Entered, it gives a function to be called with how many more `unit`s are done and the
    numbers to show beside the bar, by name. With `widget` a notebook shows more than text.
    """

    def __init__(self, total: int, unit: str, visible: bool, widget: bool = False) -> None:
        self.line: Any = None
        self.widget = widget
        if visible:
            try:
                tqdm = import_module("tqdm.auto" if widget else "tqdm").tqdm
            except ImportError:  # in a browser, say: the training is the same without a bar
                return
            self.line = tqdm(total=total, unit=unit, leave=True, **self.width(widget))

    @staticmethod
    def width(widget: bool) -> dict[str, Any]:
        """How wide the line is and what stands on it: where it is narrow, the numbers alone."""
        if widget:
            return {}
        columns = terminal_columns()
        form = None if columns >= NARROW else "{n_fmt}/{total_fmt}{postfix}"
        return {"ncols": columns - 1, "bar_format": form}

    def __enter__(self) -> Callable[[int, dict[str, float]], None]:
        return self.show

    def show(self, count: int, numbers: dict[str, float]) -> None:
        if self.line is not None:
            shown = {name: f"{x:.4f}" for name, x in numbers.items()}
            for name, value in self.width(self.widget).items():
                setattr(self.line, name, value)
            self.line.set_postfix(shown, refresh=False)
            self.line.update(count)

    def __exit__(self, *error: object) -> None:
        if self.line is not None:
            self.line.close()


class CtrlC:
    """While it is entered, Ctrl-C waits until somebody looks at `pressed`; a second one does not.

    So that it cannot fall between a step in the machine and the counting of it.
    """

    def __enter__(self) -> CtrlC:
        self.pressed = False
        # Signals come to the main thread; another handler than Python's own is left alone.
        self.ours = (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        )
        if self.ours:
            signal.signal(signal.SIGINT, self.note)
        return self

    def note(self, number: int, frame: Any) -> None:
        if self.pressed:
            raise KeyboardInterrupt
        self.pressed = True

    def __exit__(self, *error: object) -> None:
        if self.ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
