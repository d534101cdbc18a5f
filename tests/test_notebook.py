"""The notebook runs as it stands, in few lines and with nothing but the front door."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

import evo_hns
from tests.runs import SMALL

NOTEBOOK = Path(__file__).parents[1] / "docs" / "notebook.ipynb"
SETTINGS = '{"coevolution.generations": 10}'


def code() -> str:
    """All cells that are run, one after the other."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def test_it_is_short_and_uses_the_front_door_alone() -> None:
    lines = [line for line in code().splitlines() if line.strip()]
    assert len(lines) < 25
    nodes = list(ast.walk(ast.parse(code())))
    imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(node) for node in imports] == ["import evo_hns"]
    used = [
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "evo_hns"
    ]
    assert set(used) <= set(evo_hns.__all__)


def test_it_runs_from_its_first_cell_to_its_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("matplotlib", "pettingzoo"):
        pytest.importorskip(module)
    monkeypatch.chdir(tmp_path)
    assert code().count(SETTINGS) == 1
    names: dict[str, object] = {}
    exec(compile(code().replace(SETTINGS, repr(SMALL)), str(NOTEBOOK), "exec"), names)
    assert evo_hns.load_run("runs/notebook.h5").num_generations == 2
    assert -6.0 <= float(str(names["score"])) <= 6.0
    assert {path.name for path in Path("runs").iterdir()} == {"notebook.h5", "notebook.png", "hider.npz"}
