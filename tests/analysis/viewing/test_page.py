"""The page in a real browser: what is seen on it, and what mouse and keys on it do to the episode."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evo_hns.analysis.viewing import studio_panels
from evo_hns.analysis.viewing.director import Director, View
from evo_hns.analysis.viewing.studio_plugin import Screen
from evo_hns.analysis.viewing.studio_web import listen, serve
from evo_hns.spec import Side
from evo_hns.training import train
from tests.analysis.conftest import tiny
from tests.analysis.viewing.chromium import Page, find_chromium, until

SIZE = 900, 560


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

    def shares(self) -> dict[str, float]:
        """How much of the picture has a colour."""
        red, green, blue = np.moveaxis(self.page.look(), -1, 0)
        return {
            "green": float(((green > red + 0.4) & (green > blue + 0.4)).mean()),
            "cyan": float(((green > red + 0.3) & (blue > red + 0.3)).mean()),
            "red": float(((red > green + 0.5) & (red > blue + 0.5)).mean()),
        }


@pytest.fixture
def watcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watcher]:
    """A run of two generations on a small page."""
    find_chromium()
    run = tmp_path / "run.h5"
    train(tiny(rules={"horizon": 30}), run, announce=lambda _: None, observers=[])
    spy = Spy(studio_panels.imgui)
    monkeypatch.setattr(studio_panels, "imgui", spy)
    director, screen = Director(run, {Side.SEEKERS: "scripted:still"}), Screen()
    listener, over = listen("127.0.0.1", 0), threading.Event()
    opened = threading.Event()
    thread = threading.Thread(
        target=serve,
        args=(director, screen, listener),
        kwargs={"ready": opened.set, "enough": over.is_set},
    )
    thread.start()
    try:
        assert opened.wait(30)
        with Page(f"http://127.0.0.1:{listener.getsockname()[1]}/", tmp_path / "browser", SIZE) as page:
            yield Watcher(director, screen, spy, page)
    finally:
        over.set()
        thread.join(30)
        assert not thread.is_alive()


def test_a_watcher_plays_scrubs_picks_champions_and_takes_over_an_agent(watcher: Watcher) -> None:
    until(lambda: watcher.spy.has("Begin"))
    until(lambda: watcher.shares()["green"] > 0.003)  # walls
    colours = watcher.shares()
    assert min(colours["cyan"], colours["red"]) > 0.0001, "no agents"
    first = watcher.page.look()

    watcher.click("Play or pause (Space)", then=lambda: watcher.view.trajectory.num_steps == 30)
    until(lambda: not watcher.view.is_playing)
    assert watcher.view.note.startswith("final returns: hiders ")
    played = watcher.view.trajectory
    watcher.click("One env step back (Left)", then=lambda: watcher.view.position == 29)
    watcher.click("##row", share=0.34, then=lambda: 8 <= watcher.view.position <= 12)
    row = watcher.view.position
    watcher.click("One env step on (Right)", then=lambda: watcher.view.position == row + 1)
    assert watcher.view.trajectory is played

    num_shapes = len(watcher.screen.shapes)
    watcher.click("lidar", then=lambda: len(watcher.screen.shapes) == num_shapes + 60)
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
