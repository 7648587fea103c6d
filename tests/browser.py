"""A browser for tests: Chromium, driven over the W3C WebDriver protocol by chromedriver."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest

KEYS = {"left": "\ue012", "right": "\ue014", "home": "\ue011", "end": "\ue010", "space": " "}
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """A headless browser without network, in light or dark."""

    def __init__(self, dark=False):
        driver = shutil.which("chromedriver")
        chrome = next(
            filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))), None
        )
        if not driver or not chrome:
            pytest.skip("needs Chromium and chromedriver")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [driver, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.url = f"http://127.0.0.1:{port}"
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1200,800"]
        arguments.append("--host-resolver-rules=MAP * ~NOTFOUND")
        if dark:
            arguments.append("--blink-settings=preferredColorScheme=0")
        options = {"binary": chrome, "args": arguments}
        for attempt in range(100):
            try:
                reply = self.call(
                    "POST",
                    "/session",
                    {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}},
                )
                break
            except (urllib.error.URLError, ConnectionError):
                if attempt == 99:
                    self.close()
                    pytest.skip("chromedriver does not start a browser here")
                time.sleep(0.1)
        self.url += f"/session/{reply['sessionId']}"

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, data, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)["value"]

    def open(self, path):
        self.call("POST", "/url", {"url": path.resolve().as_uri()})
        # Keys pressed before the page has been painted are lost.
        painted = (
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done))"
        )
        self.call("POST", "/execute/async", {"script": painted, "args": []})

    def run(self, script, *args):
        return self.call("POST", "/execute/sync", {"script": script, "args": list(args)})

    def click(self, css):
        found = self.call("POST", "/element", {"using": "css selector", "value": css})
        self.call("POST", f"/element/{found[ELEMENT]}/click", {})

    def press(self, key):
        actions = [{"type": t, "value": KEYS[key]} for t in ("keyDown", "keyUp")]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "k", "actions": actions}]})

    def text(self, css):
        return self.run("return document.querySelector(arguments[0]).textContent", css)

    def until(self, css, text):
        """Wait until that text stands there, for a few seconds at most."""
        for _ in range(100):
            if self.text(css) == text:
                break
            time.sleep(0.05)
        assert self.text(css) == text

    def screenshot(self, path):
        path.write_bytes(base64.b64decode(self.call("GET", "/screenshot")))

    def close(self):
        if "/session/" in self.url:
            self.call("DELETE", "")
        self.process.terminate()
        self.process.wait()
