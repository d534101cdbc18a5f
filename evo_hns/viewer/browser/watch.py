"""Watch episodes of a run in a browser, with MuJoCo Studio's web viewer."""

from __future__ import annotations

import ipaddress
import os
import sys
import threading
import webbrowser
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from evo_hns.config import ConfigError
from evo_hns.spec import Side
from evo_hns.viewer.browser.director import Director

LOOPBACK = "127.0.0.1"
"""Where only this machine's users can connect."""


@dataclass(frozen=True)
class Place:
    """Where the page is."""

    host: str  #: the address that is listened on
    port: int
    steering_key: str  #: opens the page to steer
    looking_key: str  #: opens the page to look on

    @property
    def url(self) -> str:
        """How a browser of this machine calls it, to watch and steer."""
        return f"{self._root}?key={self.steering_key}"

    @property
    def spectator_url(self) -> str:
        """The same, to look on: nothing that is done there changes anything."""
        return f"{self._root}?key={self.looking_key}"

    @property
    def _root(self) -> str:
        if self.host in ("0.0.0.0", "::"):
            return f"http://localhost:{self.port}/"
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}/"

    @property
    def is_local(self) -> bool:
        """Only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        lines = [
            f"Watch and steer at {self.url}",
            f"Only look on at    {self.spectator_url}",
            "Anyone who has an address can use it: the key in it is new each time. Ctrl-C ends it.",
        ]
        if not self.is_local:
            lines.append("From elsewhere, browsers show the page only under https or through a tunnel (ssh -L).")
            lines.append("Without https, anyone who can read the network's traffic can read the key.")
        return "\n".join(lines)


def watch(
    run: Path,
    asked: Mapping[Side, str],
    *,
    seed: int = 0,
    match: int | None = None,
    host: str = LOOPBACK,
    port: int = 0,
    open_browser: bool = False,
    announce: Callable[[Place], None],
) -> None:
    """Show episodes of a run until the user interrupts.

    Args:
        run: the run file, which may be in training.
        asked: addresses of players by side; see `AvailablePlayers`.
        seed: of the first world.
        match: number of a recorded match to watch first.
        host: the address to listen on.
        port: 0 for the first that is free.
        open_browser: open the page in a browser, where there is a screen.
        announce: receives the address of the page.

    Raises:
        ConfigError: a player, match, address or port that is not there, or MuJoCo Studio is not.
        RunFileError: a run file that cannot be read.
        KeyboardInterrupt: the user has had enough; everything is closed.
    """
    try:
        from evo_hns.viewer.browser import studio_guard, studio_plugin, studio_web
    except ImportError as error:
        raise ConfigError(
            f"watching needs the web viewer of MuJoCo Studio, which is not here ({error}); "
            "install the package mujoco-studio of the same version as mujoco"
        ) from None
    director = Director(run, asked, seed, match)
    listener = studio_web.listen(host, port)
    keys = studio_guard.Keys()
    place = Place(host, listener.getsockname()[1], keys.steering, keys.looking)

    def ready() -> None:
        announce(place)
        if open_browser and _has_screen():
            threading.Thread(target=webbrowser.open, args=(place.url,), daemon=True).start()

    studio_web.serve(director, studio_plugin.Screen(), listener, keys, ready=ready)


def _has_screen() -> bool:
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
