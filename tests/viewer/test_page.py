"""The page in a real browser: what is seen on it, what mouse and keys on it do to the episode, and who cannot."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from evo_hns.spec import Side
from evo_hns.training.driver import train
from evo_hns.viewer.browser import studio_panels
from evo_hns.viewer.browser.director import Director, View
from evo_hns.viewer.browser.studio_guard import Keys
from evo_hns.viewer.browser.studio_plugin import Screen
from evo_hns.viewer.browser.studio_web import listen, serve
from evo_hns.viewer.browser.watch import Place
from tests.conftest import tiny
from tests.viewer.chromium import PATIENCE, Page, find_chromium, until

SIZE, SCALE = (900, 560), 0.5
"""Of the page, and of its pictures beside it: without a graphics card each of their pixels costs."""

Places = dict[tuple[str, float], tuple[float, float, float]]
"""Name and upper edge of a widget -> its left and right edges and the middle between the others, pixels."""


class Spy:
    """Dear ImGui, but it remembers where each widget of the last whole frame is."""

    WIDGETS = ("Button", "SliderInt", "Combo", "Checkbox", "InputText")

    def __init__(self, imgui: Any) -> None:
        self._imgui = imgui
        self.places: Places = {}
        self._frame, self._coming = -1, Places()

    def __getattr__(self, name: str) -> Any:
        original = getattr(self._imgui, name)
        return self._watched(original) if name in self.WIDGETS else original

    def _watched(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(label: str, *rest: Any) -> Any:
            answer = original(label, *rest)
            low, high = self._imgui.GetItemRectMin(), self._imgui.GetItemRectMax()
            if (frame := self._imgui.GetFrameCount()) != self._frame:
                self.places, self._frame, self._coming = self._coming, frame, {}
            self._coming[label.rpartition("###")[2], low.y] = low.x, high.x, (low.y + high.y) / 2
            return answer

        return call

    def has(self, label: str) -> bool:
        """Whether there is a widget of this name."""
        return any(name == label for name, _ in self.places)

    def place(self, label: str, share: float) -> tuple[float, float]:
        """A point of the uppermost widget of this name, `share` of its width from its left."""
        _, (left, right, y) = min(item for item in self.places.items() if item[0][0] == label)
        return left + share * (right - left), y


@dataclass
class Watcher:
    """Somebody before the page."""

    director: Director
    screen: Screen
    spy: Spy
    page: Page

    @property
    def view(self) -> View:
        return self.director.view

    def click(self, label: str, *, share: float = 0.5, then: Callable[[], bool]) -> None:
        """Click on a widget."""
        x, y = self.spy.place(label, share)
        for is_down in (None, True, False):
            self.page.mouse(x, y, is_down=is_down)
            self.page.wait(2 if is_down else 1)
        until(then)

    def press(self, key: str, *, then: Callable[[], bool]) -> None:
        """Press a key and let go."""
        for is_down in (True, False):
            self.page.key(key, is_down=is_down)
            self.page.wait(2 if is_down else 1)
        until(then)


def colour_shares(picture: np.ndarray) -> dict[str, float]:
    """How much of a picture `(height, width, 3)` has a colour."""
    red, green, blue = np.moveaxis(picture, -1, 0)
    return {
        "green": float(((green > red + 0.4) & (green > blue + 0.4)).mean()),
        "cyan": float(((green > red + 0.3) & (blue > red + 0.3)).mean()),
        "red": float(((red > green + 0.4) & (red > blue + 0.4)).mean()),
    }


def look_at_game(page: Page) -> np.ndarray:
    """The picture of a page, once the game is in it."""
    pictures: list[np.ndarray] = []

    def has_walls() -> bool:
        pictures.append(page.look())
        return colour_shares(pictures[-1])["green"] > 0.003

    until(has_walls)
    shares = colour_shares(pictures[-1])
    assert min(shares["cyan"], shares["red"]) > 0.00005, f"no agents: {shares}"
    return pictures[-1]


@dataclass
class Served:
    """A run that is watched."""

    director: Director
    screen: Screen
    spy: Spy
    place: Place

    def told(self) -> tuple[object, ...]:
        """All that somebody who steers could change."""
        view, steering = self.director.view, self.director.steering
        return view.episode, view.position, view.is_playing, view.taken, view.players, view.seed, view.speed, steering


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A run of two generations."""
    find_chromium()
    run = tmp_path_factory.mktemp("watched") / "run.h5"
    train(tiny(rules={"horizon": 30}), run, announce=lambda _: None, observers=[])
    spy = Spy(studio_panels.imgui)
    director, screen, keys = Director(run, {Side.SEEKERS: "scripted:still"}), Screen(), Keys()
    listener, over = listen("127.0.0.1", 0), threading.Event()
    place = Place("127.0.0.1", listener.getsockname()[1], keys.steering, keys.looking)
    opened = threading.Event()
    thread = threading.Thread(
        target=serve,
        args=(director, screen, listener, keys),
        kwargs={"ready": opened.set, "enough": over.is_set},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(studio_panels, "imgui", spy)
        thread.start()
        try:
            assert opened.wait(PATIENCE)
            yield Served(director, screen, spy, place)
        finally:
            over.set()
            thread.join(PATIENCE)
            assert not thread.is_alive()


@pytest.fixture
def watcher(served: Served, tmp_path: Path) -> Iterator[Watcher]:
    """Somebody before a small page who may steer."""
    with Page(served.place.url, tmp_path / "browser", SIZE, SCALE) as page:
        yield Watcher(served.director, served.screen, served.spy, page)


@pytest.fixture
def foreign_port() -> Iterator[int]:
    """Where another page of this machine is, with nothing on it but what scripts do."""

    class Blank(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>foreign</title>")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Blank) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


ATTACK = """(async () => {
  const host = %s, query = %s;
  const hidden = document.createElement("iframe");
  hidden.name = "hidden";
  (document.body || document.documentElement).append(hidden);
  for (const path of ["ui", "state", "drop", "model"]) {
    const form = document.createElement("form");
    Object.assign(form, {method: "post", action: `http://${host}/${path}${query}`, target: "hidden"});
    hidden.after(form);
    form.submit();
    await fetch(`http://${host}/${path}${query}`, {method: "POST", mode: "no-cors", body: "force_control"})
      .catch(() => 0);
  }
  const opens = (path) => new Promise((done) => {
    const socket = new WebSocket(`ws://${host}/${path}${query}`);
    socket.onopen = () => {
      for (const word of ["force_control", "request_control", "max_spectators=0", new Uint8Array(120)])
        socket.send(word);
      setTimeout(() => done(true), 300);
    };
    socket.onerror = () => done(false);
  });
  const reads = (path) => fetch(`http://${host}/${path}${query}`).then((answer) => answer.ok, () => false);
  return {
    opened: await Promise.all(["state", "ui", "drop"].map(opens)),
    read: await Promise.all(["", "model"].map(reads)),
  };
})()"""


def test_no_page_but_its_own_can_steer_or_look(served: Served, foreign_port: int, tmp_path: Path) -> None:
    port, before = served.place.port, served.told()
    key = "?" + urlsplit(served.place.url).query
    blank = f"http://127.0.0.1:{foreign_port}/"
    with Page(blank, tmp_path / "browser", SIZE, SCALE) as page:

        def attack(origin: str, query: str) -> tuple[list[bool], list[bool]]:
            page.go(origin)
            host = urlsplit(origin).hostname if origin.endswith(".ico") else "127.0.0.1"
            told = page.evaluate(ATTACK % (json.dumps(f"{host}:{port}"), json.dumps(query)))
            return told["opened"], told["read"]

        nothing = [False] * 3, [False] * 2
        for origin in (blank, f"http://localhost:{foreign_port}/"):
            for query in ("", "?key=", "?key=guess", key):  # even who has the key, but is another page
                assert attack(origin, query) == nothing
        # Who has made a name lead here (DNS rebinding) is of this origin, but has no key.
        own = f"http://localhost:{port}/favicon.ico"
        assert attack(own, "") == nothing
        assert served.told() == before
        # The same script does get in where it may: it is no sham.
        assert attack(own, key) == ([True] * 3, [True] * 2)


def test_an_onlooker_sees_everything_and_changes_nothing(served: Served, tmp_path: Path) -> None:
    address = f"ws://127.0.0.1:{served.place.port}/"
    with Page(served.place.spectator_url, tmp_path / "browser", SIZE, SCALE) as page:
        look_at_game(page)
        assert page.evaluate("document.title") == "run.h5 - evo_hns"
        before = served.told()
        for key in (" ", "t", "r"):
            for is_down in (True, False):
                page.key(key, is_down=is_down)
                page.wait(2)
        query = "?" + urlsplit(served.place.spectator_url).query
        host = json.dumps(f"127.0.0.1:{served.place.port}")
        with connect(f"{address}ui?{urlsplit(served.place.url).query}&sid=steers") as steering:
            assert page.evaluate(ATTACK % (host, json.dumps(f"{query}&sid=steers")))["read"] == [True, True]
            with pytest.raises(TimeoutError):  # nobody closed it
                steering.recv(timeout=0.5)
        with connect(f"{address}ui{query}") as looking, pytest.raises(ConnectionClosed, match="looking on"):
            looking.recv(timeout=PATIENCE)
        assert served.told() == before


def test_a_watcher_plays_scrubs_picks_champions_and_takes_over_an_agent(watcher: Watcher) -> None:
    until(lambda: watcher.spy.has("Begin"))
    first = look_at_game(watcher.page)

    watcher.click("Play or pause (Space)", then=lambda: watcher.view.trajectory.num_steps == 30)
    until(lambda: not watcher.view.is_playing)
    assert watcher.view.note.startswith("final returns: hiders ")
    played = watcher.view.trajectory
    watcher.click("One env step back (Left)", then=lambda: watcher.view.position == 29)
    watcher.click("##row", share=0.34, then=lambda: 8 <= watcher.view.position <= 12)
    row = watcher.view.position
    watcher.click("One env step on (Right)", then=lambda: watcher.view.position == row + 1)
    assert watcher.view.trajectory is played

    watcher.click("-", then=lambda: watcher.screen.picked[Side.HIDERS] == "hiders/1")
    watcher.click("Begin", then=lambda: watcher.view.players[Side.HIDERS] == "hiders/1")
    assert watcher.view.trajectory.num_steps == 0

    watcher.press("t", then=lambda: watcher.view.taken == 0)
    watcher.page.key("w", is_down=True)
    until(lambda: watcher.director.steering.force != (0.0, 0.0))
    force = np.array(watcher.director.steering.force)
    watcher.press(" ", then=lambda: watcher.view.trajectory.num_steps == 30)
    watcher.page.key("w", is_down=False)
    places = watcher.view.trajectory.agents[0, :, 0, :2]
    assert (places[8] - places[0]) @ force > 0.1  # metres, away from the camera
    assert "with a person in it" in watcher.view.note
    watcher.press("Escape", then=lambda: watcher.view.taken is None)
    assert not np.allclose(watcher.page.look(), first, atol=0.1)

    num_shapes = len(watcher.screen.shapes)  # last: whatever comes after draws so many more
    watcher.click("lidar", then=lambda: len(watcher.screen.shapes) == num_shapes + 60)

    small = {"width": 420, "height": 560, "deviceScaleFactor": SCALE, "mobile": False}
    watcher.page.call("Emulation.setDeviceMetricsOverride", **small)
    until(lambda: 300 < watcher.spy.place("##row", 1.0)[0] < 420)  # the time line fits onto a narrow page
