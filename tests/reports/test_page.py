"""The page of a run: whole in one file, true to the run, and honest on what it lacks."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import h5py
import numpy as np
import pytest

from evo_hns.archive import HeldOutRow, RunFile, RunFileError
from evo_hns.cli import main
from evo_hns.cli.console import command
from evo_hns.config import ConfigError, RulesConfig
from evo_hns.players.evaluate import evaluate
from evo_hns.reports import clips, page
from evo_hns.reports.clips import Quality, clips_section
from evo_hns.reports.info import gains
from evo_hns.reports.kit.charts import Series, line_chart, number, short
from evo_hns.reports.kit.sheet import check_target
from evo_hns.reports.meetings import heat_of, meeting_players, play_meetings
from evo_hns.reports.page import write_report
from evo_hns.reports.subject import read_subjects
from evo_hns.spec import Side
from evo_hns.tournament.payoff import Payoff
from evo_hns.training.driver import train
from evo_hns.viewer.films.graphics import find_backend
from tests.conftest import tiny

VOID = {"meta", "img", "br", "link"}
BACKEND, FOUND = find_backend()
draws = pytest.mark.skipif(BACKEND is None, reason=f"nothing can be drawn here: {FOUND}")


@dataclass
class Page(HTMLParser):
    """What a browser would find."""

    sections: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)  #: everything that names a place to fetch something from
    text: str = ""
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "section":
            self.sections.append(str(named["id"]))
        self.references += [str(named[name]) for name in ("src", "href", "srcset", "poster", "data") if name in named]
        if tag not in VOID and tag not in ("path", "circle"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("path", "circle"):
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(path: Path) -> Page:
    found = Page()
    found.feed(path.read_text())
    found.close()
    assert found.open == []
    return found


def assert_asks_nothing(path: Path, found: Page) -> None:
    """Whatever is referred to is inside; base64 knows no colon, so that an address would be found in the whole text."""
    assert all(reference.startswith(("data:", "#")) for reference in found.references)
    assert not re.search(r"https?:|url\(|@import|<script|<link|<iframe", path.read_text())


@pytest.fixture(scope="module")
def one(run_path: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Page]:
    """A page without clips."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    write_report([run_path], path, clips=0, episodes=0)
    return path, read(path)


def test_the_page_of_a_run_has_all_its_parts_and_asks_nothing_of_the_network(one: tuple[Path, Page]) -> None:
    path, found = one
    assert_asks_nothing(path, found)
    parts = "introduction results curves progress fitness costs settings missing"
    assert found.sections == parts.split()


def test_it_tells_what_the_run_is_to_someone_who_was_not_there(one: tuple[Path, Page], run_path: Path) -> None:
    text, run = " ".join(one[1].text.split()), RunFile.read(run_path)
    for told in (
        "one hider against one seeker in OpenAI's quadrant game",
        "An episode has 6 env steps",
        "by SNES with 4 candidates a generation",
        f"networks of {run.halls[0].num_params:,} parameters",
        "Seed 0 decides every random number",
        f"mujoco {run.meta.versions['mujoco']}",
        run.meta.platform,
        "coevolution.held_out_episodes",
        "rules.prep_fraction",  # one that is at its default, in the fold
    ):
        assert told in text, told


def test_its_results_are_those_of_the_run(one: tuple[Path, Page], run_path: Path) -> None:
    text = one[1].text.replace("\xa0", " ")
    for gain in gains(RunFile.read(run_path)):
        assert all(str(figure).replace("-", "−") in text for figure in (gain.first, gain.last, gain.gain))


def test_what_it_lacks_is_told_with_the_command_that_adds_it(one: tuple[Path, Page], run_path: Path) -> None:
    text = one[1].text
    assert f"evo-hns report {run_path} --clips 3" in text
    assert f"evo-hns tournament {run_path}" in text


@draws
def test_clips_are_inside_and_first_middle_and_last(run_path: Path, tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="clips need the extra `render`")
    path = tmp_path / "page.html"
    report = write_report([run_path], path, episodes=0)
    found = read(path)
    films = [reference for reference in found.references if reference.startswith("data:")]
    assert_asks_nothing(path, found)
    assert len(films) == 6  # of each side
    assert all(len(film) > 3000 for film in films)
    titles = [f"Generation {generation}: {side.label} against " for generation in range(3) for side in Side]
    assert [found.text.count(title) for title in titles] == [1] * 6
    subject = read_subjects([run_path])[0]
    for side, scene in zip(Side, clips.scenes_of(subject, 3), strict=True):
        [opponent] = {shot.players[side.other] for shot in scene.shots}
        assert opponent.removeprefix("scripted:") in ("still", "random", "chaser", "fugitive")
        assert [shot.players[side] for shot in scene.shots] == [f"{side.label}/{number}" for number in range(3)]
        assert len({shot.world for shot in scene.shots}) == 1
    assert report.sections[:2] == ("results", "clips")
    assert report.num_bytes == path.stat().st_size < page.LARGEST


def test_the_world_of_clips_is_that_nearest_to_the_means() -> None:
    rows = [
        HeldOutRow(0, Side.HIDERS, "still", 1.0, 0.1, 3, scores=np.array([-5.0, 1.0, 7.0])),
        HeldOutRow(1, Side.HIDERS, "still", 4.0, 0.1, 3, scores=np.array([4.0, np.nan, 8.0])),
    ]
    assert clips.typical_world(rows) == 0
    assert clips.typical_world(rows[:1]) == 1


@draws
def test_champions_that_were_never_measured_are_filmed_against_each_other(tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="clips need the extra `render`")
    quick = {"generations": 3, "episodes_per_candidate": 1, "num_finalists": 1, "finalist_episodes": 1}
    config = tiny(coevolution={**quick, "held_out_episodes": 0})
    train(config, tmp_path / "run.h5", announce=lambda _: None, observers=[])
    [scene] = clips.scenes_of(read_subjects([tmp_path / "run.h5"])[0], 2)
    assert [(shot.players[Side.HIDERS], shot.players[Side.SEEKERS]) for shot in scene.shots] == [
        ("hiders/0", "seekers/0"),
        ("hiders/2", "seekers/2"),
    ]


@draws
def test_a_page_that_would_be_too_large_gets_smaller_clips_and_then_none(
    run_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("PIL", reason="clips need the extra `render`")
    monkeypatch.setattr(clips, "QUALITIES", (Quality(240, 180, 20, 24, 60), Quality(96, 96, 4, 45, 10)))
    subjects = read_subjects([run_path])
    [large] = clips_section(subjects, 1, 10_000_000).blocks[0].films  # type: ignore[union-attr]
    [small] = clips_section(subjects, 1, len(large.source)).blocks[0].films  # type: ignore[union-attr]
    assert small.width < large.width
    assert len(small.source) < len(large.source)
    none = clips_section(subjects, 1, 100)
    assert none.blocks == []
    assert "which the page has no room for" in none.missing[0].what


def test_a_page_that_is_too_large_all_the_same_is_not_written(
    run_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "LARGEST", 10_000)
    with pytest.raises(ConfigError, match=r"the page would have 0.1 MB, more than 0: name fewer runs"):
        write_report([run_path], tmp_path / "page.html", clips=0, episodes=0)
    assert list(tmp_path.iterdir()) == []


def test_without_opengl_the_page_says_why_there_are_no_clips(
    run_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clips, "find_backend", lambda: (None, "egl: no such library"))
    monkeypatch.setattr(clips.importlib.util, "find_spec", lambda name: name)
    report = write_report([run_path], tmp_path / "page.html", episodes=0)
    [missing] = [each for each in report.missing if "clips" in each.what]
    assert "need OpenGL (egl: no such library): install EGL" in missing.what
    assert missing.what[1:] in read(tmp_path / "page.html").text


def test_several_runs_share_tables_and_curves(run_path: Path, other_game_path: Path, tmp_path: Path) -> None:
    twin = Path(shutil.copy(run_path, tmp_path / "twin<b>.h5"))
    path = tmp_path / "page.html"
    report = write_report([run_path, twin, other_game_path], path, clips=0, episodes=0)
    found = read(path)
    assert_asks_nothing(path, found)
    assert {"results", "curves", "costs", "settings"} <= set(report.sections)
    assert found.text.count("twin<b>") > 3  # as text, never as a tag
    assert "world.num_boxes=2 (2 runs)" in found.text  # runs that only repeat each other share a colour
    assert "world.num_boxes=1" in found.text


def test_champions_meet_for_a_table_and_show_stages(run_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    report = write_report([run_path], path, clips=0, episodes=4)
    assert {"meetings", "stages"} <= set(report.sections)
    text = read(path).text
    assert all(text.count(f"generation {generation}") >= 2 for generation in range(3))
    assert "hiders close a door" in text
    assert "Shares of 4 episodes of each generation" in text
    [subject] = read_subjects([run_path])
    payoff = play_meetings(meeting_players([subject]), subject.config, 4)
    told = evaluate(f"{run_path}:hiders/0", f"{run_path}:seekers/2", subject.config, episodes=4, seed=1)
    assert payoff.mean[Side.HIDERS][0, 2] == told.returns[Side.HIDERS].mean
    assert payoff.mean[Side.SEEKERS][0, 2] == told.returns[Side.SEEKERS].mean
    assert (payoff.count == 4).all()
    cell = heat_of(payoff, "", subject.most).cells[0][2]
    assert cell.text.startswith(f"{told.returns[Side.HIDERS].mean:+.1f}".replace("-", "−"))


def test_a_tournament_beside_the_run_is_told(
    run_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(shutil.copy(run_path, tmp_path / "run.h5"))
    assert main(["tournament", str(path), "--champions", "3", "--min-episodes", "4", "--max-episodes", "4"]) == 0
    capsys.readouterr()
    report = write_report([path], clips=0, episodes=4)
    assert "tournament" in report.sections
    assert "meetings" not in report.sections  # the tournament tells more
    found = read(report.path)
    assert_asks_nothing(report.path, found)
    assert "3 hiders met 3 seekers, each one each, in 36 episodes" in found.text
    assert "Do hiders forget?" in found.text
    with pytest.raises(RunFileError):
        write_report([path], clips=0, tournament=path)


def test_progress_is_drawn_if_it_was_measured(run_path: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(run_path, tmp_path / "run.h5"))
    report = write_report([path], clips=0, episodes=0)
    assert report.path == tmp_path / "run-report.html"
    assert "progress" in report.sections
    assert "Hiders: local: against the other side's current champion" in read(report.path).text
    with h5py.File(path, "r+") as file:
        for name in [name for name in file["metrics"] if re.search("local|historical", name)]:
            del file["metrics"][name]
    report = write_report([path], clips=0, episodes=0)
    assert "progress" not in report.sections
    assert "Progress against the other side's current and earlier champions" in read(report.path).text


def test_a_run_that_goes_on_and_one_with_a_single_measurement_have_pages(run_path: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(run_path, tmp_path / "run.h5"))
    with h5py.File(path, "r+") as file:
        settings = json.loads(file["meta"].attrs["config_json"])
        settings["coevolution"]["generations"] = 9
        file["meta"].attrs["config_json"] = json.dumps(settings)
        held_out = {name: column[:1] for name, column in file["held_out"].items() if isinstance(column, h5py.Dataset)}
        for name, column in held_out.items():
            del file["held_out"][name]
            file["held_out"][name] = column
        for name, column in list(file["held_out/statistics"].items()):
            values = column[:1]
            del file["held_out/statistics"][name]
            file["held_out/statistics"][name] = values
    report = write_report([path], clips=0, episodes=0)
    assert report.sections == ("progress", "fitness", "costs", "settings")
    text = read(report.path).text
    assert "Still going on when this page was made: run with 3 of 9 generations" in text
    assert "A second measurement of run against held-out players" in text


def test_files_that_are_no_runs_and_places_that_are_none_are_told_in_one_line(run_path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    other.write_text("no run")
    with pytest.raises(RunFileError, match=r"other\.h5"):
        write_report([run_path, other], tmp_path / "page.html")
    with pytest.raises(ConfigError, match="there is no folder"):
        write_report([run_path], tmp_path / "missing" / "page.html")
    with pytest.raises(ConfigError, match=r"got the output .*page.pdf, expected a name that ends with .html"):
        write_report([run_path], tmp_path / "page.pdf")
    with pytest.raises(ConfigError, match="a report needs a run file"):
        write_report([])
    with pytest.raises(ConfigError, match="--clips: got 21, expected 0 to 20"):
        write_report([run_path], clips=21)
    assert [entry.name for entry in tmp_path.iterdir()] == ["other.h5"]


def test_the_command_says_where_the_page_is_and_what_it_lacks(
    run_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "page.html"
    typed = ["report", str(run_path), "--output", str(path), "--clips", "0", "--episodes", "0"]
    assert main(typed) == 0
    assert f"The report is {path}" in (said := capsys.readouterr().out)
    again = f"report {run_path} --clips 3"
    assert f"not in it: clips of champions\n    {command()} {again}" in said  # as this user types it
    assert f"evo-hns {again}" in path.read_text()  # as anybody does
    assert main([*typed, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["report"], told["bytes"]) == (str(path), path.stat().st_size)


def points_of(drawn: str) -> list[tuple[float, float, str]]:
    """Where the points of a chart are, and what is told of each."""
    found = re.findall(r'<use [^>]*x="([\d.]+)" y="([\d.]+)"[^>]*><title>([^<]*)</title>', drawn)
    return [(float(x), float(y), told) for x, y, told in found]


def test_a_chart_leaves_out_what_was_not_measured() -> None:
    drawn = line_chart([Series("a<b", "run0", np.arange(4.0), np.array([1, np.nan, 3, 2.0]))], "steps")
    assert [told for _, _, told in points_of(drawn)] == ["a&lt;b: 1", "a&lt;b: 3", "a&lt;b: 2"]
    assert "nan" not in drawn
    flat = line_chart([Series("a", "run0", np.zeros(1), np.zeros(1), np.full(1, np.nan))], "steps")
    assert "nan" not in flat


def test_a_chart_has_the_colours_of_the_page_and_is_the_same_whenever_it_is_drawn() -> None:
    series = Series("a", "run3", np.arange(4.0), np.array([-60.0, 20, 48, 70]), np.full(4, 9.0))
    drawn = line_chart([series], "steps", (-48.0, 48.0))
    colours = {"none", *(f"var(--{name})" for name in ("run3", "soft", "rule"))}
    assert set(re.findall(r"(?:fill|stroke): ([^;\"]+)", drawn)) == colours
    heights = [y for _, y, _ in points_of(drawn)]
    assert heights[0] > heights[1] > heights[2] == heights[3]  # beyond the limits: at the rim
    assert drawn == line_chart([series], "steps", (-48.0, 48.0))
    assert "id=" not in re.sub(r'id="[mp][0-9a-f]{10}"', "", drawn)  # none that another drawing has for something else


def test_numbers_have_a_true_minus_and_no_more_digits_than_tell_something() -> None:
    assert [number(value) for value in (-0.0, -1.5, 1234.5, 0.03125)] == ["0", "−1.5", "1,234", "0.0312"]


def test_a_logarithmic_axis_has_round_numbers_and_equal_steps_for_equal_factors() -> None:
    sizes, scores = np.array([100.0, 1000.0, 10_000.0]), np.zeros(3)
    drawn = line_chart([Series("a", "run0", sizes, scores, np.ones(3), style="points")], "parameters", is_log=True)
    places = [x for x, _, _ in points_of(drawn)]
    assert places[1] - places[0] == pytest.approx(places[2] - places[1], abs=0.2)
    assert all(f">{label}<" in drawn for label in ("100", "1k", "10k"))
    near = line_chart([Series("a", "run0", np.array([100.0, 900.0]), np.zeros(2))], "parameters", is_log=True)
    assert all(f">{label}<" in near for label in ("100", "200", "500"))
    assert [short(value) for value in (7.0, 999.0, 1500.0, 2e6, 9.1e10)] == ["7", "999", "1.5k", "2M", "91G"]


def test_a_thin_line_has_no_points_of_its_own() -> None:
    drawn = line_chart([Series("a", "run0", np.arange(3.0), np.arange(3.0), style="thin")], "steps")
    assert "stroke: var(--run0); stroke-opacity: 0.45" in drawn
    assert points_of(drawn) == []


def test_a_page_without_matplotlib_is_refused_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evo_hns.reports.kit.sheet.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match="pages need matplotlib: pip install"):
        check_target(tmp_path / "page.html")


def test_a_game_that_pays_nothing_has_cells_without_a_colour() -> None:
    number = np.full((1, 1), 3)
    nothing = Payoff.of_moments(("a",), ("b",), {side: (number, np.zeros((1, 1)), np.zeros((1, 1))) for side in Side})
    [[cell]] = heat_of(nothing, "", RulesConfig(horizon=1).most_return).cells
    assert (cell.text, cell.percent) == ("+0.0 ± 0.0", 0)
