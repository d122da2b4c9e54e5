"""A headless Chromium, driven through its chromedriver by the WebDriver protocol."""

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()

PATIENCE = 30  # s


class Browser:
    """One window; ``run`` runs JavaScript in it, ``command`` speaks to Chromium's own protocol."""

    def __init__(self, address, capabilities):
        self.address = f"{address}/session"
        session = self._ask("POST", "", {"capabilities": {"alwaysMatch": capabilities}})
        self.address += f"/{session['sessionId']}"

    def _ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, method=method)
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as e:
            raise AssertionError(json.load(e)["value"]["message"]) from e

    def open(self, url):
        self._ask("POST", "/url", {"url": url})

    def wait(self, condition):
        """Until a JavaScript expression holds: a loaded page may still be running its scripts."""
        deadline = time.monotonic() + PATIENCE
        while not self.run(f"return {condition}"):
            assert time.monotonic() < deadline, f"{condition}: not within {PATIENCE} s"
            time.sleep(0.05)

    def run(self, script, *args):
        """What a function body returns; a promise is waited for."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": list(args)})

    def scroll_to(self, selector):
        """An element comes into view, and the page has heard of it, a frame later."""
        self.run(
            "document.querySelector(arguments[0]).scrollIntoView();"
            "const frame = () => new Promise(requestAnimationFrame);"
            "return frame().then(frame);",
            selector,
        )

    def command(self, name, **params):
        return self._ask("POST", "/goog/cdp/execute", {"cmd": name, "params": params})

    def log(self, kind):
        """The entries since the last call: of the console ("browser"), or of "performance"."""
        return self._ask("POST", "/se/log", {"type": kind})

    def resize(self, width, height, mobile=False):
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height,
                     deviceScaleFactor=1, mobile=mobile)  # fmt: skip

    def prefer(self, scheme, medium=""):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.command("Emulation.setEmulatedMedia", media=medium, features=features)

    def move(self, x, y):
        """The mouse goes to a point of the window."""
        self.command("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def click(self, x, y):
        for kind in ("mousePressed", "mouseReleased"):
            self.command("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left",
                         clickCount=1)  # fmt: skip

    def screenshot(self, whole=False):
        """A PNG of the window, or of the whole page."""
        shot = self.command("Page.captureScreenshot", captureBeyondViewport=whole)
        return base64.b64decode(shot["data"])

    def pdf(self):
        return base64.b64decode(self.command("Page.printToPDF", printBackground=True)["data"])

    def close(self):
        self._ask("DELETE", "")


@contextlib.contextmanager
def browser(folder):
    """A fresh Browser whose profile lies in a folder; it and its driver end with the block."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    command = [DRIVER, f"--port={port}", f"--log-path={folder}/chromedriver.log"]
    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(port)
        options = {"binary": CHROMIUM, "args": [*FLAGS, f"--user-data-dir={folder}/profile"]}
        capabilities = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        window = Browser(f"http://127.0.0.1:{port}", capabilities)
        try:
            yield window
        finally:
            window.close()
    finally:
        driver.terminate()
        driver.wait(10)


def _wait(port):
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, "chromedriver does not answer"
            time.sleep(0.05)
