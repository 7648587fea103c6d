"""A headless Chromium for tests, driven over a pipe by its own protocol: nothing else is needed."""

from __future__ import annotations

import base64
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

import pytest

NAMES = ("chromium", "google-chrome", "chromium-browser", "chrome")
KEYS = {
    "Enter": 13, "Escape": 27, "Tab": 9, "ArrowRight": 39, "ArrowLeft": 37, "Home": 36, "End": 35, " ": 32,
}  # fmt: skip


class Chromium:
    """One page in a browser that can reach this machine alone."""

    def __init__(self):
        program = next(filter(None, map(shutil.which, NAMES)), None)
        if program is None or os.name == "nt":
            pytest.skip("needs Chromium")
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        theirs_in, self.out = os.pipe()
        self.into, theirs_out = os.pipe()
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in (theirs_in, theirs_out)]

        def connect():
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self.process = subprocess.Popen(
            [
                program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
                "--remote-debugging-pipe", f"--user-data-dir={self.folder.name}",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "about:blank",
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            pass_fds=(3, 4), preexec_fn=connect,
        )  # fmt: skip
        for fd in (theirs_in, theirs_out, *high):
            os.close(fd)
        self.count, self.left, self.session = itertools.count(1), b"", None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        found = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = found["sessionId"]
        self.call("Page.enable")

    def call(self, method, **parameters):
        """What the browser answers to a command."""
        number = next(self.count)
        message = {"id": number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            reply = self.hear()
            if reply.get("id") == number:
                assert "error" not in reply, reply
                return reply["result"]

    def hear(self, seconds=60):
        """The next message."""
        while b"\0" not in self.left:
            ready, _, _ = select.select([self.into], [], [], seconds)
            part = os.read(self.into, 1 << 20) if ready else b""
            assert part, "the browser says nothing"
            self.left += part
        message, _, self.left = self.left.partition(b"\0")
        return json.loads(message)

    def visit(self, address):
        """Open an address, a new page even where only what follows # differs."""
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=address)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if self.run(
                "return document.readyState === 'complete' && location.href !== 'about:blank'"
            ):
                return
            time.sleep(0.02)
        raise AssertionError(f"{address} does not open")

    def open(self, path):
        """Open a file, up to where it has been painted: keys pressed before that are lost."""
        self.visit(path.resolve().as_uri())
        self.run(
            "return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def until(self, css, text):
        """Wait until that text stands there, for some seconds at most."""
        end = time.monotonic() + 20
        while time.monotonic() < end and self.text(css) != text:
            time.sleep(0.05)
        assert self.text(css) == text

    def run(self, script, *arguments):
        """What a script returns, or what it promises."""
        found = self.call(
            "Runtime.evaluate", returnByValue=True, awaitPromise=True,
            expression=f"(function () {{ {script} }}).apply(null, {json.dumps(arguments)})",
        )  # fmt: skip
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def text(self, css):
        return self.run("return document.querySelector(arguments[0]).textContent", css)

    def click(self, css):
        """Click with the mouse, in the middle of an element."""
        x, y = self.run(
            "const e = document.querySelector(arguments[0]); e.scrollIntoView({block: 'center'});"
            "const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]",
            css,
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def type(self, text):
        """Type where the focus is."""
        self.call("Input.insertText", text=text)

    def press(self, key):
        """Press a key where the focus is."""
        shared = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key]}
        text = {"Enter": "\r", " ": " "}.get(key, "")
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **shared)
        self.call("Input.dispatchKeyEvent", type="keyUp", **shared)

    def size(self, width, height):
        """Show pages as a screen of that size does."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height,
            deviceScaleFactor=1, mobile=width < 500,
        )  # fmt: skip

    def emulate(self, scheme):
        """Switch what the system asks for: "dark" or "light"."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", features=[feature])

    def screenshot(self, path, whole=False):
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def close(self):
        self.process.terminate()
        self.process.wait()
        os.close(self.out)
        os.close(self.into)
        self.folder.cleanup()
