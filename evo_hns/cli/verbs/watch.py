"""Verbs that show episodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evo_hns.cli.console import show
from evo_hns.cli.options import Address, Count, Json, RunPath
from evo_hns.config import ConfigError
from evo_hns.spec import Side
from evo_hns.system.interrupt import leave_unanswered

if TYPE_CHECKING:
    from evo_hns.viewer.browser.watch import Place


@dataclass(frozen=True)
class Watch:
    """Watch champions play in a browser: pause, scrub, see what they see, take one over."""

    run: RunPath
    """The run file, which may be in training."""
    hiders: Address = None
    """Who plays the hiders: hiders/12, RUN:hiders/best, scripted:chaser, openai:FILE; by default the last champion."""
    seekers: Address = None
    """Who plays the seekers."""
    seed: int = 0
    """The world: world k of the original is seed k."""
    match: Count = None
    """Watch a recorded match of the run, by its number."""
    host: str = "127.0.0.1"
    """The address to listen on. Who is to connect also needs the key that is printed; there is no encryption."""
    port: int = 0
    """The port; 0 takes the first that is free from 8080 on."""
    open: bool = True
    """Open the page in a browser, where there is a screen."""
    as_json: Json = False
    """Print where the page is as a line of JSON."""

    def __call__(self) -> None:
        """Show it until Ctrl-C."""
        asked = {side: text for side, text in zip(Side, (self.hiders, self.seekers), strict=True) if text is not None}
        if self.match is not None and asked:
            raise ConfigError("--match says who plays; leave --hiders and --seekers out")
        if not 0 <= self.port < 65536:
            raise ConfigError(f"--port: got {self.port}, expected 0 to 65535")
        from evo_hns.viewer.browser.watch import watch

        shown: list[Place] = []

        def announce(place: Place) -> None:
            self._tell(place)
            shown.append(place)
            leave_unanswered()

        try:
            watch(
                self.run,
                asked,
                seed=self.seed,
                match=self.match,
                host=self.host,
                port=self.port,
                open_browser=self.open,
                announce=announce,
            )
        except KeyboardInterrupt:
            if not shown:
                raise
            if not self.as_json:
                show("\nNo longer watching.")

    def _tell(self, place: Place) -> None:
        where = {
            "url": place.url,
            "spectator_url": place.spectator_url,
            "host": place.host,
            "port": place.port,
            "only_this_machine": place.is_local,
        }
        show(where if self.as_json else str(place))
