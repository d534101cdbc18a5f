"""Films and facts from the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from evo_hns.archive import Generation, RunFile
from evo_hns.cli import main
from evo_hns.cli.verbs.viewing import parse_size
from evo_hns.config import ConfigError, RunConfig
from evo_hns.spec import Side


def test_a_size_is_two_numbers() -> None:
    assert parse_size("640x480") == (640, 480)
    for text in ("640", "640x", "640*480", "-2x4"):
        with pytest.raises(ConfigError, match="expected WIDTHxHEIGHT, for instance 960x720"):
            parse_size(text)


def test_info_says_what_is_in_a_journal_and_repair_makes_one_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, journal = tmp_path / "run.h5", tmp_path / "run.h5.journal"
    with RunFile.create(path, RunConfig(), dict.fromkeys(Side, 3)) as writer:
        writer.commit(Generation(0, {}, {}, {}))
    with RunFile.open(path) as writer:
        writer.commit(Generation(1, {}, {}, {}))
        shutil.copy(path, tmp_path / "copy.h5")
        shutil.copy(journal, tmp_path / "copy.h5.journal")
    (tmp_path / "copy.h5").replace(path)  # as a kill leaves it
    (tmp_path / "copy.h5.journal").replace(journal)
    main(["info", str(path)])
    assert "\n\nnote: generations from 1 on are in run.h5.journal beside it" in capsys.readouterr().out
    main(["info", str(path), "--json"])
    assert "run.h5.journal" in json.loads(capsys.readouterr().out)["remark"]
    main(["diagnose", "repair", str(path)])
    assert capsys.readouterr().out == f"{path} has 2 generations; 1 of them were in its journal.\n"
    main(["info", str(path), "--json"])
    assert "remark" not in json.loads(capsys.readouterr().out)
