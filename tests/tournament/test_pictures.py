"""A page is drawn of any tournament, and what cannot be drawn is said in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evo_hns.config import ConfigError
from evo_hns.tournament.pictures import plot_tournament
from tests.tournament.measures.made import additive, payoff

pytest.importorskip("matplotlib", reason="pictures need the extra `plot`")


def test_a_page_shows_something(tmp_path: Path) -> None:
    from matplotlib.image import imread

    picture = tmp_path / "page.png"
    truth = np.pad(additive(7), ((0, 1), (0, 0)))
    plot_tournament(payoff(truth, sd=2.0), [*range(7), None], range(7), picture, title="made")
    pixels = imread(picture)
    assert pixels.shape[0] > 900
    assert pixels.std() > 0.1


def test_a_page_of_two_champions_says_what_is_missing(tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    plot_tournament(payoff(additive(2), sd=2.0), [None, None], [0, 1], picture)
    assert picture.stat().st_size > 10_000


def test_a_tournament_without_noise_known_is_refused(tmp_path: Path) -> None:
    made = payoff(additive(3), sd=2.0)
    made.count[:] = 1
    with pytest.raises(ConfigError, match="cannot be drawn: no two players met twice"):
        plot_tournament(made, range(3), range(3), tmp_path / "page.png")
