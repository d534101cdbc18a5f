"""A headless Chromium, driven by the DevTools protocol over the WebSocket library that MuJoCo Studio brings along."""

from __future__ import annotations

import base64
import ctypes
import io
import json
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pytest
from matplotlib.image import imread
from websockets.sync.client import connect

PATIENCE = 120.0  # seconds: for a machine that has much else to do

_PR_SET_PDEATHSIG = 1  # linux/prctl.h

_COMING = "Not attached to an active page"

_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # there is none for root
    "--use-angle=swiftshader",  # WebGL without a graphics card
    "--enable-unsafe-swiftshader",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--remote-debugging-port=0",
)


def find_chromium() -> str:
    """The program; without it the test is skipped."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    return pytest.skip("no Chromium here (apt-get install chromium): the page is not tested in a browser")


def _end_with_parent() -> None:
    """Let the kernel end this process when the one that started it dies: it would draw on for ever."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def until(condition: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Wait for something to become true."""
    last = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < last, f"still waiting after {patience:g} s"
        time.sleep(0.05)


class Page:
    """A page of a browser of its own.

    Args:
        url: what it shows.
        folder: for the browser's files.
        size: in pixels of the page, as the mouse counts them.
        scale: pixels of its pictures to one of these.
    """

    def __init__(self, url: str, folder: Path, size: tuple[int, int], scale: float) -> None:
        command = [find_chromium(), *_FLAGS, f"--user-data-dir={folder}", "about:blank"]
        with ExitStack() as starting:
            process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=_end_with_parent
            )
            starting.callback(process.wait, PATIENCE)
            starting.callback(process.terminate)
            address = _page_of(folder / "DevToolsActivePort")
            self._socket = starting.enter_context(connect(address, max_size=None))
            self._calls = 0
            screen = {"width": size[0], "height": size[1], "deviceScaleFactor": scale, "mobile": False}
            self.call("Emulation.setDeviceMetricsOverride", **screen)
            self.call("Emulation.setFocusEmulationEnabled", enabled=True)
            self.call("Page.navigate", url=url)
            self._open = starting.pop_all()

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask the browser for something, and wait for the answer; a page that is just coming is asked again."""
        until(lambda: self._ask(method, params).get("error", {}).get("message") != _COMING)
        assert "error" not in self._answer, self._answer["error"]
        result: dict[str, Any] = self._answer["result"]
        return result

    def _ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self._calls += 1
        self._socket.send(json.dumps({"id": self._calls, "method": method, "params": params}))
        self._answer: dict[str, Any] = {}
        while self._answer.get("id") != self._calls:
            self._answer = json.loads(self._socket.recv(timeout=PATIENCE))
        return self._answer

    def go(self, url: str) -> None:
        """Show another page, and wait until it is there."""
        self.call("Page.navigate", url=url)
        until(lambda: bool(self.evaluate(f"location.href === {json.dumps(url)} && document.readyState === 'complete'")))

    def evaluate(self, code: str) -> Any:
        """What a script of the page gives, or what it promises."""
        answer = self.call("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, frames: int) -> None:
        """Until it has drawn so many pictures: what is pressed and let go in between is not seen."""
        code = "new Promise(done => { let n = %d; const f = () => n-- ? requestAnimationFrame(f) : done(); f(); })"
        self.call("Runtime.evaluate", expression=code % frames, awaitPromise=True)

    def look(self) -> np.ndarray:
        """`(height, width, 3)` what it shows, 0 to 1."""
        png = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        picture: np.ndarray = imread(io.BytesIO(png))[..., :3]
        return picture

    def mouse(self, x: float, y: float, *, is_down: bool | None = None) -> None:
        """Move the mouse; press or release its left button."""
        kind = {None: "mouseMoved", True: "mousePressed", False: "mouseReleased"}[is_down]
        pressed = {"button": "none" if is_down is None else "left", "buttons": int(bool(is_down))}
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, clickCount=int(is_down is not None), **pressed)

    def key(self, key: str, *, is_down: bool) -> None:
        """Press or release a letter, the space bar or Escape."""
        code = {" ": "Space", "Escape": "Escape"}.get(key, f"Key{key.upper()}")
        number = {"Escape": 27}.get(key, ord(key[0].upper()))
        kind = "keyDown" if is_down else "keyUp"
        self.call("Input.dispatchKeyEvent", type=kind, key=key, code=code, windowsVirtualKeyCode=number)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()


def _page_of(told: Path) -> str:
    """The address of the one page of a browser that has told its port in a file."""
    until(lambda: told.exists() and "\n" in told.read_text())
    port = told.read_text().split()[0]
    pages: list[dict[str, str]] = []

    def is_there() -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
            pages[:] = [page for page in json.load(answer) if page["type"] == "page"]
        return bool(pages)

    until(is_there)
    return pages[0]["webSocketDebuggerUrl"]
