"""What the README says works as it is written there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from evo_hns.cli import main
from evo_hns.cli.parsing import parse
from evo_hns.cli.verbs.registry import DIAGNOSE, DIAGNOSES, VERBS
from tests.published import quadrant_policy
from tests.runs import SMALL

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


def commands() -> list[list[str]]:
    """The `evo-hns` lines of the README, without the command itself."""
    words = [shlex.split(line, comments=True) for block in blocks("bash") for line in block.splitlines()]
    return [line[1:] for line in words if line[:1] == ["evo-hns"]]


def verb_of(line: list[str]) -> str:
    """The verb of a command, without `diagnose`."""
    return line[1] if line[0] == DIAGNOSE else line[0]


def test_the_readme_shows_every_verb_but_those_of_recordings() -> None:
    assert {verb_of(line) for line in commands()} == {*VERBS, *DIAGNOSES} - {"parity"}


@pytest.mark.parametrize("line", commands(), ids=shlex.join)
def test_every_command_is_understood(line: list[str]) -> None:
    parse(line)


def test_the_commands_do_what_they_say_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runs").mkdir()
    small = shlex.split(
        "--rules.horizon 6 --search.popsize 4 --policy.hidden-size 2 --physics.num-worlds 16 "
        "--coevolution.episodes-per-candidate 1 --coevolution.finalist-episodes 1 --coevolution.held-out-episodes 4"
    )
    monkeypatch.chdir(tmp_path)
    quadrant_policy(Path("hide_and_seek_quadrant.npz"))
    for words in commands():
        verb = verb_of(words)
        line = [path for word in words for path in (sorted(map(str, Path().glob(word))) if "*" in word else [word])]
        if line[:2] == ["train", "ppo"]:
            line += shlex.split("--rules.horizon 6 --physics.num-worlds 16 --coevolution.held-out-episodes 4")
            line += shlex.split("--ppo.num-worlds 4 --ppo.rollouts-per-generation 1 --generations 2")
        elif verb == "train" and "--ranks" in line:
            continue  # has tests of its own
        elif verb == "train":
            generations = "13" if "runs/ga-1.h5" in line else "2"  # champions up to 12 are played
            line = [*line, *small, "--generations", generations]
            line = ["0-1" if word == "0-9" else word for word in line]
            line += ["--search.ga.num-elites", "1"] if "ga" in line else []
        elif verb == "evaluate":
            line = [*line, "--episodes", "4"]
        elif verb == "resume":
            line = [*line, "--generations", "14"]
        elif verb in ("bench", "learning", "transfer"):
            continue  # measure for a minute, train for hours; they have tests of their own
        elif verb == "watch":
            continue  # waits for a person; it has tests of its own
        elif verb == "physics-ablation":
            line = [*line, "--num-worlds", "1", "--repetitions", "1", "--rules.horizon", "12"]
        elif verb == "imitate":
            line = [*line, "--episodes", "8", "--updates", "4", "--num-worlds", "4", "--rules.horizon", "12"]
        elif verb == "timestep-study":
            line = [*line, "--num-worlds", "2", "--substeps", "15", "8"]
        elif verb == "stages":
            line = [*line, "--champions", "2", "--episodes", "4"]
        elif verb == "tournament":
            if "--ranks" in line:
                continue  # has a test of its own
            line = [*line, "--champions", "3", "--min-episodes", "2", "--max-episodes", "2"]
        elif verb == "prune":
            line = [*line, "--episodes", "2", "--factor", "0.2"]
        elif verb == "report":
            line = [*line, "--episodes", "2", "--clips", "1"]
        elif verb == "ground-truth":
            line = [*line, "--games", "disc", "numbers", "--seeds", "2", "--generations", "4"]
        elif verb == "ppo-check":
            line = [*line, "--seeds", "1", "--rollouts", "2"]
        elif verb == "compare":
            line = [
                *line,
                "--min-episodes",
                "2",
                "--max-episodes",
                "2",
                "--stage-champions",
                "2",
                "--stage-episodes",
                "4",
            ]
        elif verb == "worth":
            line = [*line, "--num-worlds", "2", "--hiders", "sitter", "--seekers", "chaser"]
        elif verb == "stress-test":
            line = [*line[:3], "--env-steps", "12", "--rules.horizon", "6", "--physics.num-worlds", "2"]
        assert exit_code(line) == 0, line


def exit_code(line: list[str]) -> int | str | None:
    """How a command ends, also one that other processes do."""
    try:
        return main(line)
    except SystemExit as stop:
        return stop.code


@pytest.mark.parametrize(
    ("number", "num_lines", "needed"),
    [
        (0, 5, ["matplotlib", "pettingzoo"]),
        (1, 1, ["pettingzoo"]),
        (2, 0, ["pettingzoo", "supersuit", "stable_baselines3"]),
        (3, 1, ["gymnasium", "stable_baselines3"]),
    ],
)
def test_the_library_examples_run(
    number: int,
    num_lines: int,
    needed: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for module in needed:
        pytest.importorskip(module)
    example = blocks("python")[number]
    small = re.sub(r"(?<=^settings = ).*", repr(SMALL), example, flags=re.MULTILINE)
    assert (small != example) is (number == 0)
    exec(compile(small, "README.md", "exec"), {})
    assert len(capsys.readouterr().out.splitlines()) == num_lines
    assert len(blocks("python")) == 4


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(((?!http)[^)#]+)\)", README))))
def test_every_link_leads_somewhere(target: str) -> None:
    assert (Path(__file__).parents[1] / target).exists()
