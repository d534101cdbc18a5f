from __future__ import annotations

import subprocess
from importlib import metadata
from pathlib import Path

import pytest

import evo_hns
from evo_hns.system import installation
from evo_hns.system.installation import how_to_install, shipped_folder

PACKAGE = Path(evo_hns.__file__).parent


def test_shipped_folders_are_beside_the_package_or_where_it_is_installed_inside_it(tmp_path: Path) -> None:
    assert (shipped_folder("experiments") / "quickstart.toml").is_file()
    assert (shipped_folder("slurm") / "job.sh").is_file()
    inside = tmp_path / "evo_hns" / "experiments"
    assert shipped_folder("experiments", inside.parent) == tmp_path / "experiments"
    inside.mkdir(parents=True)
    assert shipped_folder("experiments", inside.parent) == inside


def test_an_extra_is_installed_by_the_names_of_its_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ["numpy>=2", 'matplotlib<4,>=3.8; extra == "plot"', 'cma>=4; extra == "dev"', "pillow; extra == 'plot'"]
    monkeypatch.setattr(installation, "requires", lambda _: asked)
    assert how_to_install("plot") == "pip install 'matplotlib<4,>=3.8' pillow"


def test_where_nothing_was_installed_an_extra_comes_from_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    def requires(_: str) -> list[str]:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(installation, "requires", requires)
    assert how_to_install("plot") == "pip install '.[plot]' in the folder of the project"


def test_the_package_says_nothing_of_files_that_are_not_shipped_or_names_that_no_index_has() -> None:
    told = {path: path.read_text(encoding="utf-8") for path in (*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.html"))}
    assert [path for path, text in told.items() if "docs/" in text or "evo_hns[" in text] == []


def test_the_project_promises_no_name_on_an_index() -> None:
    root = PACKAGE.parent
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=root, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("needs a git checkout")
    pages = [root / name for name in listed.stdout.splitlines()]
    assert [page for page in pages if "evo_hns[" in page.read_text(encoding="utf-8")] == []
