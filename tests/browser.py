"""A real browser: headless Chromium, driven by chromedriver over the WebDriver protocol (w3.org/TR/webdriver2).

Both come from one Debian package build, so that their versions fit, and the protocol is plain JSON over HTTP: no
package of Python stands between.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Optional

DRIVER = shutil.which("chromedriver")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
MISSING = "needs Chromium and its driver (Debian: apt-get install chromium chromium-driver)"
KEYS = {
    "ArrowLeft": "\ue012", "ArrowUp": "\ue013", "ArrowRight": "\ue014", "ArrowDown": "\ue015", "Home": "\ue011",
    "End": "\ue010", "Tab": "\ue004", "Enter": "\ue007", "Space": " ",
}  # fmt: skip
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """A browser with one window. Elements are named by CSS selectors; the first that matches is meant."""

    def __init__(self) -> None:
        assert DRIVER is not None
        self._driver = subprocess.Popen([DRIVER, "--port=0"], stdout=subprocess.PIPE, text=True)
        assert self._driver.stdout is not None
        port = next(found[1] for line in self._driver.stdout if (found := re.search(r"on port (\d+)\.", line)))
        self._base = f"http://127.0.0.1:{port}/session"
        switches = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
        root = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's own sandbox refuses root
        options = {"binary": CHROMIUM, "args": [*switches, *root]}
        wanted = {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}
        self._base += "/" + self._send("", {"capabilities": wanted})["sessionId"]

    def close(self) -> None:
        """End the browser and its driver."""
        self._send("", method="DELETE")
        self._driver.terminate()
        self._driver.wait(20)

    def _send(self, path: str, body: Optional[dict[str, Any]] = None, method: str = "POST") -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(json.load(error)["value"]["message"].partition("\n")[0]) from None

    def window(self, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Set the size of the page, and whether the user likes it dark."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.devtools("Emulation.setDeviceMetricsOverride", **metrics)
        self.devtools("Emulation.setEmulatedMedia", features=[scheme, still])

    def devtools(self, command: str, **arguments: Any) -> Any:
        """Call Chromium's developer tools."""
        return self._send("/goog/cdp/execute", {"cmd": command, "params": arguments})

    def open(self, address: str) -> None:
        """Load a page anew, whatever is there; wait until it is loaded."""
        self._send("/url", {"url": "about:blank"})
        self._send("/url", {"url": address})

    def run(self, script: str, *arguments: Any) -> Any:
        """Return what the body of a function of `arguments` returns in the page."""
        return self._send("/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, script: str, *arguments: Any, seconds: float = 30) -> Any:
        """Wait until the expression `script` is true in the page, and return its value."""
        end = time.monotonic() + seconds
        while not (value := self.run(f"return {script}", *arguments)):
            assert time.monotonic() < end, f"still not so: {script}; {self.errors()}"
            time.sleep(0.02)
        return value

    def texts(self, selector: str) -> list[str]:
        """The text of all elements that match."""
        script = "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)"
        found: list[str] = self.run(script, selector)
        return found

    def text(self, selector: str) -> str:
        """The text of the only element that matches."""
        (found,) = self.texts(selector)
        return found

    def click(self, selector: str) -> None:
        """Click on an element as a user does: it must be visible and not covered."""
        self._send(f"/element/{self._element(selector)}/click", {})

    def write(self, selector: str, text: str) -> None:
        """Replace what stands in a field."""
        element = self._element(selector)
        self._send(f"/element/{element}/clear", {})
        self._send(f"/element/{element}/value", {"text": text})

    def press(self, *keys: str) -> None:
        """Press keys one after the other, with the focus where it is."""
        actions = [{"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")]
        self._send("/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def screenshot(self, path: Path) -> None:
        """Write what is to be seen as PNG."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self._send("/screenshot", method="GET")))

    def errors(self) -> list[str]:
        """What the page has written to the console since the last call: refusals by its policy too."""
        return [entry["message"] for entry in self._send("/se/log", {"type": "browser"})]

    def roles(self) -> list[tuple[str, str]]:
        """The role and name of everything that a screen reader finds."""
        nodes = self.devtools("Accessibility.getFullAXTree")["nodes"]
        named = [one for one in nodes if not one.get("ignored")]
        return [(one["role"]["value"], one.get("name", {}).get("value", "")) for one in named]

    def _element(self, selector: str) -> str:
        return str(self._send("/element", {"using": "css selector", "value": selector})[_ELEMENT])
