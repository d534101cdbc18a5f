"""Watch episodes of a run in a browser, with MuJoCo Studio's web viewer."""

from __future__ import annotations

import ipaddress
import os
import sys
import threading
import webbrowser
from collections.abc import Callable, Mapping
from pathlib import Path

from evo_hns.analysis.viewing.director import Director
from evo_hns.config import ConfigError
from evo_hns.spec import Side

LOOPBACK = "127.0.0.1"
"""Where only this machine's users can connect."""


def watch(
    run: Path,
    asked: Mapping[Side, str],
    *,
    seed: int = 0,
    match: int | None = None,
    host: str = LOOPBACK,
    port: int = 0,
    open_browser: bool = False,
    announce: Callable[[str], None],
) -> None:
    """Show episodes of a run until the user interrupts.

    Args:
        run: the run file, which may be in training.
        asked: addresses of players by side; see `Casting`.
        seed: of the first world.
        match: number of a recorded match to watch first.
        host: the address to listen on.
        port: 0 for the first that is free.
        open_browser: open the page in a browser, where there is a screen.
        announce: is told where the page is.

    Raises:
        ConfigError: a player, match, address or port that is not there, or MuJoCo Studio is not.
        RunFileError: a run file that cannot be read.
        KeyboardInterrupt: the user has had enough; everything is closed.
    """
    try:
        from evo_hns.analysis.viewing import studio_web
    except ImportError as error:
        raise ConfigError(
            f"watching needs the web viewer of MuJoCo Studio, which is not here ({error}); "
            "install the package mujoco-studio of the same version as mujoco"
        ) from None
    director = Director(run, asked, seed, match)
    chosen = studio_web.free_port(host, port)
    url = f"http://{_named(host)}:{chosen}/"

    def ready() -> None:
        announce(_welcome(url, host))
        if open_browser and _has_screen():
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

    studio_web.serve(director, director.session.config, host, chosen, ready)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _named(host: str) -> str:
    """How a browser of this machine calls an address."""
    if host in ("0.0.0.0", "::"):
        return "localhost"
    return f"[{host}]" if ":" in host else host


def _welcome(url: str, host: str) -> str:
    who = (
        "Anyone on this machine can watch and steer: there is no password."
        if is_loopback(host)
        else f"Anyone who can reach {host} can watch and steer: there is no password, and nothing is encrypted.\n"
        "Browsers show the page only under https or as localhost: a tunnel (ssh -L) is safer and works."
    )
    return f"Watch at {url}\n{who}\nCtrl-C ends it."


def _has_screen() -> bool:
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
