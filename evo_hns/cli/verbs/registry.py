"""All verbs by name.

A verb is a dataclass whose fields are its options and whose call does the work: it calls the library once and prints
the answer; figures also as JSON. Libraries are imported inside the calls, and verbs when they are asked for, so that
`--help` is instant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol


class Verb(Protocol):
    """What the command can do."""

    def __call__(self) -> None:
        """Do it."""


@dataclass(frozen=True)
class Entry:
    """A verb in the list of verbs."""

    place: str  #: `module:class`, the module below this package
    summary: str  #: what the list says of it; the verb's own help says more
    is_long: bool = False  #: it works for minutes, and shows nothing of it before its end

    def load(self) -> type[Verb]:
        """The verb."""
        module, _, name = self.place.partition(":")
        verb: type[Verb] = getattr(import_module(f"evo_hns.cli.verbs.{module}"), name)
        return verb


DIAGNOSE = "diagnose"
"""The first word of all `DIAGNOSES`."""

VERBS: Mapping[str, Entry] = {
    "train": Entry("train:Train", "start a run of an experiment"),
    "resume": Entry("train:Resume", "continue a run to the same numbers, or extend it"),
    "submit": Entry("submit:Submit", "put a run, or one for each of several seeds, into Slurm's queue"),
    "info": Entry("viewing:Info", "what a run is, how far it is, what its champions gained"),
    "measure": Entry("train:Measure", "measure champions of several generations afterwards"),
    "evaluate": Entry("matches:Evaluate", "let any two players meet"),
    "record": Entry("matches:Record", "let any two players meet, and keep the matches in a run file"),
    "watch": Entry("watch:Watch", "watch champions play in a browser, or take one over"),
    "render": Entry("viewing:Render", "film a match without a display"),
    "report": Entry("viewing:Report", "one HTML page that tells all of a run, or of several"),
    "tournament": Entry("tournament:Tournament", "let champions of all times meet, and measure progress"),
    "transfer": Entry("transfer:Transfer", "let champions of hide-and-seek learn another task", True),
    "compare": Entry("compare:Compare", "set conditions of several runs side by side"),
}
"""What users of runs need; `diagnose` is the one other verb."""

DIAGNOSES: Mapping[str, Entry] = {
    "doctor": Entry("diagnostics:Doctor", "what works on this machine, and what to do if it does not"),
    "bench": Entry("diagnostics:Bench", "where the time goes here, and how it scales with ranks", True),
    "repair": Entry("diagnostics:Repair", "what can be had of a run's journal, put into its file"),
    "replay": Entry("matches:Replay", "do recorded matches come out equal to the bit?"),
    "curves": Entry("viewing:Curves", "what was learnt, and when, as a picture"),
    "stages": Entry("stages:Stages", "which stages of emergence the champions of a run show"),
    "learning": Entry("learning:Learning", "do changes make learning better? arms over seeds", True),
    "prune": Entry("prune:Prune", "how few weights keep the score of a champion?", True),
    "ground-truth": Entry("ground_truth:GroundTruth", "searches and halls on games in which cycling is known", True),
    "ppo-check": Entry("ppo_check:PPOCheck", "does the baseline learn a known task?", True),
    "parity": Entry("diagnostics:Parity", "how exactly the game agrees with recordings of the original"),
    "physics-ablation": Entry(
        "diagnostics:PhysicsAblation", "what would make the physics cheaper, and change it", True
    ),
    "timestep-study": Entry("diagnostics:TimestepStudy", "what coarser timesteps gain in search, and change", True),
    "worth": Entry("worth:Worth", "what the skills of the quadrant game are worth", True),
    "imitate": Entry("imitate:Imitate", "can a network do what a script does, with what it sees?", True),
    "stress-test": Entry("diagnostics:StressTest", "do memory, speed and physics hold out over long play?", True),
}
"""Studies, and checks of the game and the machine."""


def patience(words: Sequence[str]) -> str:
    """What is said before a verb works for minutes without showing anything; empty for others."""
    entry = DIAGNOSES.get(words[1]) if len(words) > 1 and words[0] == DIAGNOSE else None
    return f"{words[1]}: {entry.summary} (this takes minutes)" if entry and entry.is_long else ""


def overview() -> str:
    """The verbs of the first level, each with a line."""
    diagnose = f"{len(DIAGNOSES)} studies and checks; evo-hns diagnose lists them"
    return _listed("evo-hns", {name: entry.summary for name, entry in VERBS.items()} | {DIAGNOSE: diagnose})


def overview_of_diagnoses() -> str:
    """The verbs after `diagnose`, each with a line."""
    return _listed(f"evo-hns {DIAGNOSE}", {name: entry.summary for name, entry in DIAGNOSES.items()})


def _listed(program: str, summaries: Mapping[str, str]) -> str:
    width = max(map(len, summaries)) + 2
    head = f"usage: {program} VERB ...   (VERB --help tells what it takes)"
    return "\n".join([head, "", *(f"  {name:<{width}}{summary}" for name, summary in summaries.items())])
