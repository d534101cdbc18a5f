"""The panels beside the scene: players and world, what is drawn, taking over, the time line, and statistics.

Immediate mode: every frame says anew what there is. What the watcher has picked but not yet begun with is kept here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace

import numpy as np
from mujoco.studio.dear_imgui import dear_imgui as imgui

from evo_hns.spec import Side
from evo_hns.viewer.browser.available_players import SCRIPTED_NAMES, is_published
from evo_hns.viewer.browser.director import Director, View
from evo_hns.viewer.browser.playback import SPEEDS
from evo_hns.viewer.browser.session import Steering
from evo_hns.viewer.browser.studio_statistics import StatisticsPanel
from evo_hns.viewer.overlays import HIDER_RGB, SEEKER_RGB, Show

Ask = Callable[[Callable[[Director], None]], None]
"""Send a request to the director."""

CONTROLS_WIDTH, STATISTICS_WIDTH, TIMELINE_HEIGHT = 280, 320, 92  #: pixels
_LEAST_TIMELINE = 240  # pixels of its width
_BORDER = 10  # pixels around panels

_WINDOW = (
    imgui.WindowFlags.NoTitleBar,
    imgui.WindowFlags.NoMove,
    imgui.WindowFlags.NoResize,
    imgui.WindowFlags.NoSavedSettings,
    imgui.WindowFlags.NoDocking,
)
_TEAM_RGBA = {Side.HIDERS: (*HIDER_RGB, 1.0), Side.SEEKERS: (*SEEKER_RGB, 1.0)}
_PLAY, _PAUSE, _BACK, _ON, _FIRST, _LAST = "\uf04b", "\uf04c", "\uf048", "\uf051", "\uf049", "\uf050"

SHOWN = {
    "cones": "what lies in front of each agent (135 degrees)",
    "sight": "who sees which opponent",
    "objects": "which objects each agent sees",
    "lidar": "lidar rays",
    "grips": "what is held",
    "locks": "what is locked, in the owner's colour",
    "names": "names of agents",
}
"""Fields of `Show` in the order in which they are offered."""


class Panels:
    """Builds all panels; `picked` and `show` are what the watcher has chosen there.

    Args:
        ask: sends a request.
    """

    def __init__(self, ask: Ask) -> None:
        self.show, self.are_hidden = Show(names=True), False
        self._ask = ask
        self._statistics = StatisticsPanel()
        self.picked: dict[Side, str] = {}
        self._policies: list[str] = []  # addresses of OpenAI's that have played, offered to both sides
        self._seed = ""
        self._episode = -1

    def build_gui(self, view: View, steering: Steering) -> None:
        """All of them, for a frame."""
        if view.episode != self._episode:
            self._episode, self.picked, self._seed = view.episode, dict(view.players), str(view.seed)
            played = (name for name in view.players.values() if is_published(name))
            self._policies = list(dict.fromkeys([*self._policies, *played]))
        if self.are_hidden:
            return
        size = imgui.GetIO().DisplaySize
        height = size.y - 2 * _BORDER
        left, across = CONTROLS_WIDTH + 2 * _BORDER, size.x - CONTROLS_WIDTH - STATISTICS_WIDTH - 4 * _BORDER
        is_narrow = across < _LEAST_TIMELINE  # then without statistics, and the time line below the controls
        if is_narrow:
            left, across = _BORDER, size.x - 2 * _BORDER
        beside = TIMELINE_HEIGHT + _BORDER if is_narrow else 0
        if _begin("evo_hns", _BORDER, _BORDER, CONTROLS_WIDTH, height - beside):
            self._build_players_gui(view)
            self._build_world_gui(view)
            self._build_show_gui()
            self._build_takeover_gui(view, steering)
        imgui.End()
        if _begin("Time", left, size.y - _BORDER - TIMELINE_HEIGHT, across, TIMELINE_HEIGHT):
            self._build_timeline_gui(view)
        imgui.End()
        if is_narrow:
            return
        if _begin("Statistics", size.x - STATISTICS_WIDTH - _BORDER, _BORDER, STATISTICS_WIDTH, height):
            self._statistics.build_gui(view)
        imgui.End()

    def _build_players_gui(self, view: View) -> None:
        for side in view.teams:
            imgui.SeparatorText(side.label.capitalize())
            imgui.PushID(side.label)
            self.picked[side] = _pick_player(side, self.picked[side], view.generations[side], self._policies)
            imgui.PopID()

    def _build_world_gui(self, view: View) -> None:
        imgui.SeparatorText("World")
        imgui.SetNextItemWidth(120)
        _, self._seed = imgui.InputText("seed", self._seed)
        imgui.SameLine()
        if imgui.Button("next"):
            self._seed = str(_number(self._seed) + 1)
            self._begin()
        imgui.SetItemTooltip("These players\nin the next world")
        if imgui.Button("Begin", imgui.Vec2(90, 0)):
            self._begin()
        imgui.SetItemTooltip("An episode of these players\nin this world")
        imgui.SameLine()
        if imgui.Button("Restart"):
            self._ask(Director.restart)
        imgui.SetItemTooltip("The same episode again (R)")
        imgui.SameLine()
        if imgui.Button("Refresh"):
            self._ask(Director.refresh)
        imgui.SetItemTooltip("Look for champions that a run\nin training has found since")
        imgui.TextWrapped(view.note or " ")

    def _begin(self) -> None:
        players, seed = dict(self.picked), _number(self._seed)
        self._ask(lambda director: director.choose(players, seed))

    def _build_show_gui(self) -> None:
        imgui.SeparatorText("Shown")
        if imgui.BeginTable("##shown", 3):
            for field in fields(Show):
                imgui.TableNextColumn()
                changed, value = imgui.Checkbox(field.name, getattr(self.show, field.name))
                imgui.SetItemTooltip(SHOWN[field.name])
                if changed:
                    self.show = replace(self.show, **{field.name: value})
            imgui.EndTable()

    def _build_takeover_gui(self, view: View, steering: Steering) -> None:
        imgui.SeparatorText("Take over")
        if view.is_recorded:
            imgui.TextWrapped("A recorded match can only be watched.")
            return
        agents: list[int | None] = [None, *view.agents]
        names = ["nobody", *view.agents.values()]
        imgui.SetNextItemWidth(-1)
        changed, index = imgui.Combo("##agent", agents.index(view.taken), names)
        if changed:
            self._ask(lambda director: director.playback.take_over(agents[index]))
        if view.taken is None:
            imgui.TextUnformatted("T takes over the next agent")
            return
        imgui.TextUnformatted("W A S D move    Q E turn")
        grab, lock = ("on" if request else "off" for request in (steering.grab, steering.lock))
        imgui.TextUnformatted(f"G grab: {grab}    L lock: {lock}")
        imgui.TextUnformatted("T next agent    Esc let go")

    def _build_timeline_gui(self, view: View) -> None:
        last = view.trajectory.num_steps
        _build_who_plays_gui(view)
        self._button(_FIRST, lambda director: director.playback.seek(0), "To the start")
        self._button(_BACK, lambda director: director.step(-1), "One env step back (Left)")
        self._button(_PAUSE if view.is_playing else _PLAY, Director.toggle, "Play or pause (Space)")
        self._button(_ON, lambda director: director.step(1), "One env step on (Right)")
        self._button(_LAST, lambda director: director.playback.seek(last), "To the end of what was played")
        imgui.SetNextItemWidth(84)
        speeds = [f"x {speed:g}" for speed in SPEEDS]
        changed, index = imgui.Combo("##speed", SPEEDS.index(view.speed), speeds)
        if changed:
            self._ask(lambda director: director.set_speed(SPEEDS[index]))
        imgui.SameLine()
        phase = "preparation" if view.row < view.trajectory.num_prep_steps else "seeking"
        imgui.AlignTextToFramePadding()
        imgui.TextUnformatted(f"env step {view.row} of {view.horizon}, {phase}")
        imgui.SetNextItemWidth(-1)
        moved, row = imgui.SliderInt("##row", view.row, 0, view.horizon, f"%d   (played: {last})")
        if moved:
            self._ask(lambda director: director.playback.seek(row))

    def _button(self, icon: str, request: Callable[[Director], None], tooltip: str) -> None:
        if imgui.Button(f"{icon}###{tooltip}", imgui.Vec2(34, 0)):
            self._ask(request)
        imgui.SetItemTooltip(tooltip)
        imgui.SameLine()


def _build_who_plays_gui(view: View) -> None:
    """Who plays, which the panel of players need not say: there it is picked who will."""
    for number, side in enumerate(view.teams):
        if number:
            imgui.SameLine()
            imgui.TextUnformatted("against")
            imgui.SameLine()
        imgui.TextColored(imgui.Vec4(*_TEAM_RGBA[side]), view.players[side])
    imgui.SameLine()
    imgui.TextUnformatted(f"in world {view.seed}")


def _begin(title: str, x: float, y: float, width: float, height: float) -> bool:
    """Begin a panel at a place of the window; whether there is anything of it to build."""
    imgui.SetNextWindowPos(imgui.Vec2(x, y))
    imgui.SetNextWindowSize(imgui.Vec2(max(width, 120.0), max(height, 60.0)))
    flags = sum(int(flag) for flag in _WINDOW)
    is_open: bool = imgui.Begin(title, None, flags)[0]
    return is_open


def _pick_player(side: Side, picked: str, generations: np.ndarray, policies: Sequence[str]) -> str:
    """Pick a champion by its generation, a scripted player, or a policy of OpenAI's."""
    kinds = ["champion", *SCRIPTED_NAMES, *policies]
    kind = kinds.index(picked) if picked in kinds else 0
    imgui.SetNextItemWidth(-1)
    changed, index = imgui.Combo("##kind", kind, kinds)
    kind = int(index)
    if kind > 0:
        return kinds[kind]
    if not len(generations):
        imgui.TextWrapped("This run has no champions yet.")
        return picked
    last = len(generations) - 1
    row = last if changed else _row_of(picked, generations)
    imgui.SetNextItemWidth(-116)
    _, row = imgui.SliderInt("##generation", row, 0, last, f"generation {generations[row]}")
    for label, step in (("-", -1), ("+", 1)):
        imgui.SameLine()
        if imgui.Button(label, imgui.Vec2(22, 0)):
            row += step
    imgui.SameLine()
    if imgui.Button("last"):
        row = last
    return f"{side.label}/{generations[min(max(row, 0), last)]}"


def _row_of(picked: str, generations: np.ndarray) -> int:
    """The place of a champion in its hall; the last one's if it is none of these."""
    generation = picked.rpartition("/")[2]
    found = np.flatnonzero(generations == (int(generation) if generation.isdecimal() else -1))
    return int(found[-1]) if len(found) else len(generations) - 1


def _number(text: str) -> int:
    """A seed that was typed; what is no number is refused as a seed out of range."""
    return int(text) if text.strip().isdecimal() else -1
