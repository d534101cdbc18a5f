from __future__ import annotations

import json
import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import h5py
import pytest

from evo_hns.archive.run_file import RunFile, RunFileError
from evo_hns.cli import main
from evo_hns.cli.arguments import gather_settings, one_line
from evo_hns.cli.console import can_go_on, command, free_path, show_result
from evo_hns.cli.errors import BROKEN_PIPE, USER_ERROR, is_user_error
from evo_hns.cli.text.tables import duration, json_text, listing, table
from evo_hns.cli.verbs.registry import DIAGNOSE, DIAGNOSES, VERBS, overview, patience
from evo_hns.config import ConfigError
from evo_hns.experiment import setting_names
from evo_hns.system.interrupt import INTERRUPTED
from tests.runs import run_whole, tiny

HEAVY = ("torch", "stable_baselines3", "mujoco", "evotorch", "numba", "h5py", "numpy")
ALL_VERBS = [*((verb,) for verb in VERBS), *((DIAGNOSE, verb) for verb in DIAGNOSES)]
TINY = [
    *("--generations", "1", "--search.popsize", "4", "--rules.horizon", "8", "--physics.num-worlds", "8"),
    *("--coevolution.episodes-per-candidate", "1", "--coevolution.finalist-episodes", "2"),
    *("--coevolution.held-out-episodes", "2", "--search.ga.num-elites", "1"),
]


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "evo_hns", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)


def help_of(verb: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """What `evo-hns VERB --help` prints on a wide terminal."""
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as stop:
        main([*verb, "--help"])
    assert not stop.value.code
    return capsys.readouterr().out


def test_the_overview_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out.splitlines()[2:]
    assert [line.split()[0] for line in shown] == [*VERBS, DIAGNOSE]
    assert len(shown) <= 14
    assert main([DIAGNOSE, "--help"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[2:]] == list(DIAGNOSES)


@pytest.mark.parametrize("verb", DIAGNOSES)
def test_a_verb_that_is_under_diagnose_says_so(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "my run.h5", "--json"]) == USER_ERROR
    told = f"evo-hns: {verb} is under diagnose: evo-hns diagnose {verb} 'my run.h5' --json\n"
    assert capsys.readouterr().err == told


def test_the_list_of_verbs_costs_next_to_nothing() -> None:
    code = (
        "import sys, time; from evo_hns.cli import main; main(['--help']); print(time.process_time(), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stderr) < 0.5  # seconds; 0.1 on an idle machine


@pytest.mark.parametrize("verb", ALL_VERBS, ids=" ".join)
def test_every_verb_that_prints_figures_can_print_json(
    verb: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "--json" in help_of(verb, capsys, monkeypatch)


def test_the_help_of_train_lists_every_shared_setting_as_an_option(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = help_of(("train",), capsys, monkeypatch)
    tables = {"coevolution.worlds"}  # of kinds, which no option can list
    names = [name for name in setting_names() if not name.startswith(("hiders.", "seekers.")) and name not in tables]
    assert [name for name in names if f"--{name.replace('_', '-')} " not in shown] == []


def test_help_of_no_verb_imports_a_heavy_library() -> None:
    code = f"""
import sys
from evo_hns.cli import main
for verb in {[(), *ALL_VERBS]!r}:
    try:
        main([*verb, "--help"])
    except SystemExit:
        pass
    if heavy := set(sys.modules) & set({HEAVY!r}):
        sys.exit(f"{{verb}}: {{heavy}}")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "")
    assert done.stdout.count("--help") > len(ALL_VERBS)


@pytest.mark.parametrize(
    ("typed", "gathered"),
    [
        ("train q --search.popsize 64 --json", "train q --set search.popsize=64 --json"),
        ("train --search.popsize=64 q", "train --set search.popsize=64 q"),
        ("train --search.popsize 64 q", "train --set search.popsize=64 q"),
        ("train q --world.gravity -9.8", "train q --set world.gravity=-9.8"),
        ("train q --rules.restrict-rect 0 0 6 6 --seed 1", "train q --set|rules.restrict-rect=[0, 0, 6, 6]|--seed 1"),
        ("train q --run ./runs/a.b.h5", "train q --run ./runs/a.b.h5"),
        ("train q --run=runs/a.h5", "train q --run=runs/a.h5"),
    ],
)
def test_dotted_options_are_gathered_as_settings(typed: str, gathered: str) -> None:
    first, *rest = gathered.split("|")
    expected = first.split() + [word for part in rest for word in ([part] if "[" in part else part.split())]
    assert gather_settings(typed.split()) == expected


@pytest.mark.parametrize("typed", ["--search.popsize", "--search.popsize --json"])
def test_a_dotted_option_without_a_value_is_refused(typed: str) -> None:
    with pytest.raises(ConfigError, match=r"--search\.popsize needs a value"):
        gather_settings(typed.split())


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["trian"], "no verb 'trian' (did you mean train?); there are: train, resume"),
        (["train"], "Missing from evo-hns train: EXPERIMENT"),
        (["train", "quickstar"], "no experiment 'quickstar' (did you mean quickstart?); there are: "),
        (["train", "quickstart", "--jsn"], "Unrecognized options: --jsn (did you mean --json?)"),
        (["train", "quickstart", "--seed", "abc"], "--seed: got 'abc', expected a valid integer"),
        (["train", "quickstart", "--generations", "0"], "--coevolution.generations: got 0, expected greater than"),
        (["train", "quickstart", "--search.popsiz", "8"], "--search.popsiz: no such setting (did you mean"),
        (
            ["train", "quickstart", "--serach.popsize", "8"],
            "--serach.popsize: no such setting (did you mean search.pop",
        ),
        (["train", "quickstart", "--hiders.serch.sigma", "8"], "no such setting (did you mean hiders.search."),
        (["resume", "nowhere.h5", "--search.popsize", "8"], "--search.popsize is a setting, and resume takes none, si"),
        (["info", "nowhere.h5", "--search.popsize=8"], "--search.popsize is a setting, and info takes none; see evo"),
        (["train", "ppo", "--search.popsize", "8"], "--search.popsize: PPO does not take this setting"),
        (["train", "ppo", "--hiders.search.popsize", "8"], "--hiders.search.popsize: PPO does not take"),
        (["train", "ppo", "--coevolution.hall-size", "8"], "--coevolution.hall-size: PPO does not take"),
        (
            ["evaluate", "random", "random", "--policy.hidden-size", "8"],
            "--policy.hidden-size: evaluate takes settings",
        ),
        (
            ["evaluate", "a.h5:hiders/1", "random", "--world.num-boxes", "1"],
            "a.h5:hiders/1 plays in the game of its run",
        ),
        (
            ["diagnose", "stress-test", "full", "--search.popsize", "8"],
            "--search.popsize: stress-test takes settings of world, rules and ph",
        ),
        (["resume", "nowhere.h5"], "nowhere.h5 does not exist"),
        (["info", "nowhere.h5"], "nowhere.h5 does not exist"),
        (["evaluate", "nobody", "random"], "got the player 'nobody', expected "),
        (["evaluate", "random", "random", "--episodes", "many"], "Error parsing --episodes: "),
        (["evaluate", "random", "random", "--episodes", "0"], "got 0 episodes, expected at least 1"),
        (["record", "nowhere.h5", "random", "random"], "nowhere.h5 does not exist"),
        (["diagnose", "replay", "nowhere.h5"], "nowhere.h5 does not exist"),
        (["diagnose", "parity"], "parity needs a recording"),
        (["diagnose", "curves"], "curves needs a run file"),
        (
            ["diagnose", "curves", "a.h5", "--statistics", "--progress"],
            "got --statistics and --progress, expected one of them",
        ),
        (["train", "full", "--coevolution.held-out-runs", "nowhere.h5"], "nowhere.h5 does not exist"),
        (["train", "full", "--coevolution.virulence", "0.7"], "got virulence 0.7 of mean returns"),
        (["diagnose", "physics-ablation", "full", "--num-worlds", "0"], "--num-worlds: got 0, expected 1 or more"),
        (
            ["diagnose", "timestep-study", "full", "--hiders", "nobody"],
            "no scripted player 'nobody'; there are still, ",
        ),
        (
            ["diagnose", "timestep-study", "full", "--candidates", "4"],
            "got 0 parameters of the hiders to draw candidates around, expected some: name a champion of this game",
        ),
        (
            ["diagnose", "timestep-study", "full", "--candidates", "1"],
            "--candidates: got 1, expected 2 or more",
        ),
        (
            ["diagnose", "timestep-study", "full", "--substeps", "2"],
            "got 2 search_substeps of 0.0375 s, expected at most 0.02 s",
        ),
        (["evaluate", "random", "random", "--set", "world.num_seekers=0"], "a game of hiders and seekers, got"),
        (["train", "full", "--world.num-boxes", "9", "3"], "--world.num-boxes: got the range [9, 3], expected"),
        (["diagnose", "stress-test"], "Missing from evo-hns diagnose stress-test: EXPERIMENT"),
        (["diagnose", "stress-test", "fll"], "no experiment 'fll' (did you mean full?); there are: "),
        (["diagnose", "stress-test", "full", "--env-steps", "0"], "got 0 env steps, expected at least 1"),
        (["diagnose", "stress-test", "full", "--env-steps", "-5"], "got -5 env steps, expected at least 1"),
    ],
)
def test_a_users_mistake_is_one_line_and_exit_code_2(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == USER_ERROR
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("evo-hns: ")
    assert complaint in shown.err
    assert shown.err.count("\n") == 1


def test_a_mistake_of_the_program_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evo_hns.cli.verbs.diagnostics.Doctor", failing_with(ZeroDivisionError("a bug")))
    with pytest.raises(ZeroDivisionError, match="a bug"):
        main(["diagnose", "doctor"])
    assert not is_user_error(ValueError("a bug"))


def test_an_interrupt_is_one_line_and_exit_code_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("evo_hns.cli.verbs.diagnostics.Doctor", failing_with(KeyboardInterrupt("evo-hns resume x.h5")))
    assert main(["diagnose", "doctor"]) == INTERRUPTED
    assert capsys.readouterr().err == "evo-hns: interrupted: evo-hns resume x.h5\n"


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    code = "import sys; from evo_hns.cli import main; sys.exit(main(['diagnose', 'doctor']))"
    patch = "import evo_hns.diagnostics.doctor as d; d.CHECKS = (d.check_python,); "
    command = [sys.executable, "-c", patch + code]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (BROKEN_PIPE, "")


def test_threads_of_libraries_are_limited_unless_the_user_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "3")
    with redirect_stdout(None):
        assert main(["--version"]) == 0
    assert (os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"]) == ("1", "3")


@pytest.mark.parametrize("signum", ["SIGUSR1", "SIGTERM"])
def test_a_signal_that_comes_after_the_work_changes_no_exit_code(signum: str) -> None:
    late = f"import atexit, os, runpy, signal, sys; atexit.register(os.kill, os.getpid(), signal.{signum}); "
    words = "sys.argv = ['evo-hns', 'info', 'nowhere.h5']; runpy.run_module('evo_hns', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", late + words], capture_output=True, text=True, check=False)
    assert (done.returncode, "nowhere.h5 does not exist" in done.stderr) == (USER_ERROR, True)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_box_of_the_option_parser_becomes_one_line(encoding: str) -> None:
    code = "import dataclasses, tyro; tyro.cli(dataclasses.make_dataclass('Options', [('popsize', int, 3)]))"
    command = [sys.executable, "-c", code, "--popsiz", "4"]
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    boxed = subprocess.run(command, stderr=subprocess.PIPE, check=False, env=environment).stderr.decode(encoding)
    assert boxed.count("\n") > 3
    assert one_line(boxed) == "Unrecognized options: --popsiz, 4 (did you mean --popsize?)"
    coloured = boxed.replace("Unrecognized", "\x1b[1;31mUnrecognized\x1b[0m").replace("│", "\x1b[31m│\x1b[0m")
    assert one_line(coloured) == one_line(boxed)


def test_a_study_of_minutes_says_first_what_it_does() -> None:
    assert patience(["diagnose", "worth", "quadrant-1v1"]).startswith("worth: what the skills of the quadrant game")
    assert not patience(["diagnose", "doctor"]) and not patience(["worth"]) and not patience(["diagnose"])


def test_a_folder_is_no_run_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("runs").mkdir()
    with pytest.raises(RunFileError, match=r"runs is a folder: name a file, such as runs/run\.h5"):
        RunFile.check_free(Path("runs"))


def test_a_run_never_takes_the_name_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for expected in ("quick.h5", "quick-2.h5", "quick-3.h5"):
        path = free_path("some/where/quick.toml")
        assert path == Path("runs") / expected
        path.parent.mkdir(exist_ok=True)
        path.touch()


def test_the_command_is_told_by_its_path_where_the_shell_does_not_find_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "evo-hns"
    program.parent.mkdir()
    program.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(program)])
    monkeypatch.setenv("PATH", "")
    assert command() == "bin/evo-hns"
    monkeypatch.setenv("PATH", str(program.parent))
    assert command() == "evo-hns"


def test_commands_that_are_printed_can_be_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVO_HNS_COMMAND", "evo-hns")
    path = Path("my run #1.h5")
    run_whole(path, tiny())
    assert main(["record", str(path), "random", "random"]) == 0
    show_result(path, as_json=False)
    typed = [line.strip() for line in capsys.readouterr().out.splitlines() if line.strip().startswith("evo-hns ")]
    words = [shlex.split(line, comments=True)[2:] for line in typed]
    assert words[:2] == [["replay", str(path), "--match", "2"], [str(path), "--match", "2"]]
    assert words[2:4] == [[str(path)], [str(path)]]
    assert words[4] == [f"{path}:hiders/last", f"{path}:seekers/last"]
    with pytest.raises(KeyboardInterrupt, match=r"evo-hns resume 'my run #1\.h5'"), can_go_on(path):
        raise KeyboardInterrupt


def test_json_holds_no_number_that_json_does_not_know() -> None:
    answer = {"path": Path("x"), "figures": (1.5, float("nan"), float("inf")), "deeper": {"count": 2}}
    assert json.loads(json_text(answer)) == {"path": "x", "figures": [1.5, None, None], "deeper": {"count": 2}}


def test_columns_line_up() -> None:
    assert table((), [("a", 1), ("long", 200)]) == "a       1\nlong  200"
    assert table(("", "x [red]"), [("[b]long", 200)]) == "         x [red]\n[b]long      200"
    assert listing([("a", "one two"), ("long", "")], width=6) == "a       one two\nlong"


def test_no_value_is_cut_in_a_pipe_and_a_narrow_terminal_folds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [f"+{number}.5 ± 22.4" for number in range(10, 30)]
    piped = table(("name", *range(20)), [("somebody", *cells)])
    assert piped.splitlines()[1].split("  ") == ["somebody", *cells]
    assert "\x1b" not in piped
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    folded = table(("name", *range(9)), [("somebody", *cells[:9])])
    assert max(map(len, folded.splitlines())) <= 80
    assert sorted("".join(folded.split())) == sorted("".join(("name012345678somebody", *cells[:9])).replace(" ", ""))
    assert listing([("a", "word " * 30)]).splitlines()[1].startswith("   word")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (59.9, "59.9 s"), (60, "1 min 00 s"), (3599.9, "60 min 00 s"), (7500, "2 h 05 min")],
)
def test_durations_are_told_in_the_units_people_use(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_python_can_run_the_package_as_the_command() -> None:
    done = run("--help")
    assert (done.returncode, done.stdout.strip()) == (0, overview())


def test_a_run_is_trained_told_extended_and_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", "quickstart", *TINY]) == 0
    assert " info runs/quickstart.h5" in capsys.readouterr().out

    assert main(["resume", "runs/quickstart.h5", "--generations", "2", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("generation") for line in lines] == [None, 1, None]
    assert lines[-1] == {"run": "runs/quickstart.h5"}

    assert main(["info", "runs/quickstart.h5", "--json"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert info["generations"] == {"done": 2, "planned": 2}
    assert info["changed_settings"]["hiders.search.popsize"] == 4

    assert main(["info", "runs/quickstart.h5"]) == 0
    assert re.search(r"generations +2 of 2", capsys.readouterr().out)

    players = ["runs/quickstart.h5:hiders/last", "scripted:chaser"]
    assert main(["evaluate", *players, "--episodes", "4", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["episodes"] == 4

    players = ["scripted:fugitive", "runs/quickstart.h5:seekers/last"]
    assert main(["record", "runs/quickstart.h5", *players, "--episodes", "2"]) == 0
    assert capsys.readouterr().out.startswith("runs/quickstart.h5 keeps matches 2-3: ")
    assert main(["diagnose", "replay", "runs/quickstart.h5"]) == 0
    assert "4 of 4 matches played again are equal to the bit" in capsys.readouterr().out
    assert main(["diagnose", "replay", "runs/quickstart.h5", "--match", "3"]) == 0
    assert "scripted:fugitive against seekers/1 in world" in capsys.readouterr().out
    assert main(["diagnose", "replay", "runs/quickstart.h5", "--match", "4"]) == USER_ERROR
    assert "no match 4 in runs/quickstart.h5; it has matches 0 to 3" in capsys.readouterr().err
    with h5py.File("runs/quickstart.h5", "r+") as file:
        file["matches/returns"][1, 0] += 1
    with pytest.raises(SystemExit) as stop:
        main(["diagnose", "replay", "runs/quickstart.h5"])
    assert stop.value.code == 1
    shown = capsys.readouterr()
    assert "3 of 4 matches played again are equal to the bit" in shown.out
    assert shown.err.count("\n") == 1

    for output, kind in (("returns.png", []), ("statistics.svg", ["--statistics"]), ("progress.png", ["--progress"])):
        assert main(["diagnose", "curves", "runs/quickstart.h5", "--output", output, *kind]) == 0
        assert Path(output).stat().st_size > 0

    assert main(["train", "quickstart", *TINY, "--run", "runs/quickstart.h5"]) == USER_ERROR
    assert "exists" in capsys.readouterr().err


def failing_with(error: BaseException) -> type[Callable[[], None]]:
    """A verb that does nothing but fail."""

    @dataclass(frozen=True)
    class Failing:
        """Fail."""

        def __call__(self) -> None:
            """Fail."""
            raise error

    return Failing


def test_a_place_where_no_run_can_be_kept_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "runs").write_text("a file where the folder should be")
    monkeypatch.chdir(tmp_path)
    assert main(["train", "quickstart", *TINY]) == USER_ERROR
    told = capsys.readouterr().err
    assert f"the folder {tmp_path}/runs cannot be made; take another one (--run FILE)" in told


def test_a_place_that_may_not_be_locked_is_told_before_anything_is_loaded(tmp_path: Path) -> None:
    commands = [["train", "quickstart"], ["train", "ppo"], ["tournament", "a.h5"]]
    code = f"""
import errno, fcntl, sys
def refuse(*_):
    raise PermissionError(errno.EACCES, "Permission denied")
fcntl.flock = refuse
from evo_hns.cli import main
for words in {commands!r}:
    print(main(words), *set(sys.modules) & {{"torch", "mujoco", "numba"}})
"""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
    )
    assert done.stdout.splitlines() == [str(USER_ERROR)] * len(commands)
    told = "cannot be written (Permission denied): take a folder and files that you may write (--"
    assert [told in line for line in done.stderr.splitlines()] == [True] * len(commands)
    assert list(tmp_path.iterdir()) == []


def test_a_setting_that_is_refused_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    too_many = ["--policy.hidden-size", "99", "--search.algorithm", "cmaes"]
    assert main(["train", "quickstart", *TINY[:-2], *too_many]) == USER_ERROR
    assert "cmaes takes at most" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("module", ["tyro", "numpy", "torch"])
def test_ctrl_c_during_the_imports_is_clean(module: str) -> None:
    words = [sys.executable, "-X", "importtime", "-m", "evo_hns", "evaluate", "random", "random"]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, words)
    shown = b""
    with os.fdopen(terminal, "r+b", buffering=0) as screen:
        while f" {module}.".encode() not in shown:
            shown += screen.read(4096)
        screen.write(b"\x03")
        try:
            while part := screen.read(4096):
                shown += part
        except OSError:  # how Linux says that nobody is left at the other end
            pass
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == INTERRUPTED
    assert b"evo-hns: interrupted" in shown
    assert b"Traceback" not in shown
