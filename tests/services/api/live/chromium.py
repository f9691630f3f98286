"""Chromium without a window, steered over its DevTools protocol by the WebSocket client that we have anyway."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
from websockets.sync.client import connect
from websockets.sync.connection import Connection

T = TypeVar("T")

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)
_SECONDS = 30.0


def found() -> str | None:
    """Chromium of STRATAFOLD_CHROMIUM, else of PATH."""
    return os.environ.get("STRATAFOLD_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


class Tab:
    """One page; what the browser complained of meanwhile is in ``complaints``, what it asked for in ``requests``."""

    def __init__(self, line: Connection) -> None:
        self._line = line
        self._numbers = itertools.count(1)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command; its answer."""
        number = next(self._numbers)
        self._line.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            told = json.loads(self._line.recv(timeout=_SECONDS))
            if told.get("id") == number:
                assert "error" not in told, (method, told["error"])
                answer: dict[str, Any] = told["result"]
                return answer
            self._heard(told)

    def _heard(self, told: dict[str, Any]) -> None:
        data = told.get("params", {})
        match told.get("method"):
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(data["exceptionDetails"]))
            case "Log.entryAdded" if data["entry"]["level"] == "error":
                self.complaints.append(f"{data['entry']['source']}: {data['entry']['text']}")
            case "Network.requestWillBeSent":
                self.requests.append(data["request"]["url"])
            case "Page.javascriptDialogOpening":
                self.complaints.append(f"a dialog: {data['message']}")

    def open(self, url: str) -> None:
        """Go to an address."""
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def ask(self, expression: str) -> Any:
        """What an expression, or what it promises, comes to."""
        told = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, (expression, told)
        return told["result"].get("value")

    def until(self, expression: str, seconds: float = _SECONDS) -> Any:
        """Wait for an expression to be true; what it came to."""
        end = time.monotonic() + seconds
        while True:
            with contextlib.suppress(AssertionError):  # the page may be on its way
                if value := self.ask(expression):
                    return value
            if time.monotonic() > end:
                text = self.ask("document.body.innerText")
                raise AssertionError(f"never true: {expression}\n{self.complaints}\n{text}")
            time.sleep(0.1)

    def text(self, selector: str) -> str:
        """The text of an element, as it is shown."""
        value = self.ask(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")
        return str(value)

    def click(self, selector: str) -> None:
        """Click on an element."""
        self.ask(f"document.querySelector({json.dumps(selector)}).click()")

    def key(self, key: str, code: str | None = None) -> None:
        """Press a key and let it go."""
        text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            more = text if kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=code or key, **more)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.call("Input.insertText", text=text)

    def size(self, width: int, height: int, *, phone: bool = False) -> None:
        """The size of the window, in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )

    def scheme(self, name: str) -> None:
        """Light or dark, as the system would say."""
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """A picture of the page as PNG."""
        told = self.call(
            "Page.captureScreenshot", captureBeyondViewport=whole, **(self._clip() if whole else {})
        )
        path.write_bytes(base64.b64decode(told["data"]))

    def _clip(self) -> dict[str, Any]:
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        return {"clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}}


@contextmanager
def chromium(program: str) -> Iterator[Callable[[], Tab]]:
    """A browser with a profile of its own, ended with the block; gives new tabs."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, contextlib.ExitStack() as ending:
        process = subprocess.Popen(
            [program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        ending.callback(_end, process)
        port = _port(Path(profile) / "DevToolsActivePort", process)

        def tab() -> Tab:
            made = httpx.put(f"http://127.0.0.1:{port}/json/new?about:blank", timeout=_SECONDS).json()
            address = made["webSocketDebuggerUrl"]
            line = ending.enter_context(
                connect(address, max_size=None, open_timeout=_SECONDS, ping_interval=None)
            )
            return Tab(line)

        yield tab


def _end(process: subprocess.Popen[bytes]) -> None:
    """The browser and all that it started: they are a session of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _port(told: Path, process: subprocess.Popen[bytes]) -> int:
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, f"chromium ended with status {process.returncode}"
        with contextlib.suppress(FileNotFoundError, ValueError, IndexError):
            return int(told.read_text().split()[0])
        time.sleep(0.05)
    raise AssertionError("chromium did not come up")
