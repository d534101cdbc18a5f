"""The picture of the project, checked: who may import whom, and what belongs nowhere.

A change of the picture is a change of `ROOMS`, `OWNERS` or `TOP_LEVEL`, and of nothing else here.
"""

from __future__ import annotations

import ast
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "evo_hns"

# Each room, and what it may import beside itself, `config` and `spec`; a room may import those above it alone.
PLAYING = {"worlds", "envs", "policies", "evaluation"}
ROOMS: dict[str, set[str]] = {
    "config": set(),
    "spec": set(),
    "system": set(),  # the machine: processors, signals, files, compiled kernels, what is installed
    "experiment": {"system"},  # settings from files and options
    "figure": {"system"},  # pages of plots
    "worlds": set(),
    "physics": {"system"},
    "envs": {"worlds", "physics.base", "system"},
    "policies": {"system"},
    "search": {"system"},
    "archive": {"system"},
    "evaluation": {"worlds", "physics", "envs", "policies", "system"},  # `build_game` chooses the engine
    "mpi": {"worlds", "policies", "evaluation", "system"},  # matches on many ranks
    "players": {"envs", "policies", "evaluation", "archive", "system"},  # by address; two of them meet; for other code
    "behaviour": {"worlds", "policies", "evaluation", "archive", "players", "figure", "system"},
    # A run from start to end, by evolution or PPO.
    "training": {"envs", "policies", "evaluation", "search", "archive", "mpi", "players", "behaviour", "system"},
    "tournament": {"envs", "policies", "evaluation", "archive", "players", "figure", "system"},
    "viewer": {"archive", "players", "behaviour", "system"} | PLAYING,
    "gym": {"envs", "policies", "evaluation", "players", "viewer", "system"},  # the same: one side of it
    "diagnostics": {"physics", "archive", "mpi", "players", "training", "behaviour", "viewer", "gym", "figure"}
    | {"system"}
    | PLAYING,
    "reports": {
        "evaluation",
        "archive",
        "players",
        "training",
        "tournament",
        "behaviour",
        "viewer",
        "figure",
        "system",
    },
    "comparison": {"envs", "policies", "evaluation", "archive", "players", "tournament", "behaviour", "reports"}
    | {"system"},
    # Arms over seeds, trained and measured alike.
    "study": {"envs", "policies", "evaluation", "archive", "players", "behaviour", "training", "reports", "comparison"}
    | {"experiment", "system"},
    "cluster": {"evaluation", "mpi", "training", "archive", "system"},  # jobs for a queue, and runs they go on with
    "parallel_env": {"evaluation", "gym", "system"},  # the game for other libraries, all agents of it
    # `envs` for what a statistic says, in words.
    "cli": {"experiment", "mpi", "training", "archive", "envs", "evaluation", "players", "tournament", "behaviour"}
    | {"viewer", "diagnostics", "reports", "comparison", "study", "cluster", "figure", "system"},
    # The front door.
    "api": {"experiment", "archive", "players", "training", "reports", "figure", "parallel_env", "gym"},
    "__main__": {"cli"},
}

MOST_MODULES = 17
"""In a folder, `__init__` not counted."""

# Libraries that only these rooms may import.
OWNERS: dict[str, set[str]] = {
    "evotorch": {"search"},
    "mujoco.batch": {"physics"},
    "mujoco.studio": {"viewer.browser"},
    "h5py": {"archive", "diagnostics.doctor"},
    "mpi4py": {"mpi"},
    "numba": {"system.kernels"},
    "scipy": {"evaluation.intervals", "tournament", "behaviour.stages.ground", "comparison.standings"},
    "matplotlib": {"figure", "tournament", "behaviour", "reports", "comparison.pages.drawing", "diagnostics", "api"},
    "jinja2": {"reports.kit"},
    "PIL": {"viewer"},
    "imageio_ffmpeg": {"viewer"},
    "stable_baselines3": {"training.ppo"},
    "sb3_contrib": {"training.ppo"},
    "gymnasium": {"training.ppo", "parallel_env", "gym"},
    "pettingzoo": {"parallel_env"},
    "pandas": {"api"},
    "tyro": {"cli"},
    "rich": {"cli", "reports"},
    "wandb": {"cli"},
}

TOP_LEVEL = {
    *("README.md", "LICENSE", "CHANGELOG.md", "Makefile", "setup.cfg", "setup.py", "pyproject.toml", ".gitignore"),
    *("evo_hns", "experiments", "tests", "slurm", "docs", ".ci"),
}
NAMELESS = {"utils", "util", "common", "misc", "helpers", "helper"}

Sources = Mapping[str, str]
"""Module names (`physics.cpu`) and their source texts."""


@pytest.fixture(scope="module")
def sources() -> Sources:
    """Every module of the package."""
    folder = ROOT / PACKAGE
    return {module_name(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*.py"))}


def module_name(path: Path) -> str:
    """`physics/cpu.py` is `physics.cpu`; `physics/__init__.py` is `physics`; the package itself is empty."""
    return ".".join(part for part in path.with_suffix("").parts if part != "__init__")


def imports(source: str, *, at_import_time: bool = False) -> Iterator[str]:
    """Everything that a source imports, names taken from modules included, as dotted names."""
    for node in walk_outside_functions(ast.parse(source)) if at_import_time else ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def walk_outside_functions(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when a module is imported."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield node
            yield from walk_outside_functions(node)


def is_within(name: str, area: str) -> bool:
    """Whether a dotted name is an area or lies in it."""
    return name == area or name.startswith(f"{area}.")


def forbidden_imports(sources: Sources) -> list[str]:
    """Imports between rooms that `ROOMS` does not list, and relative ones, whose room cannot be read off."""
    found = []
    for module, source in sources.items():
        room = module.partition(".")[0]
        allowed = ROOMS.get(room, set()) | {room, "config", "spec"} if room else set(ROOMS)
        for name in imports(source):
            inside = is_within(name, PACKAGE)
            target = name.removeprefix(PACKAGE).removeprefix(".")
            if name.startswith(".") or (inside and not any(is_within(target, area) for area in allowed)):
                found.append(f"{module} imports {target}")
    return found


def inside(source: str) -> Iterator[str]:
    """Everything of this package that a source imports, as dotted names."""
    return (name for name in imports(source) if name.startswith(f"{PACKAGE}."))


def foreign_libraries(sources: Sources) -> list[str]:
    """Imports of a library outside the rooms that own it."""
    return [
        f"{module} imports {name}"
        for module, source in sources.items()
        for name in imports(source)
        for library, owners in OWNERS.items()
        if is_within(name, library) and not any(is_within(module, owner) for owner in owners)
    ]


def import_cycle(sources: Sources) -> list[str]:
    """Modules that import each other in a circle while they are imported; empty if there is none."""
    graph = {
        module: {
            target
            for name in imports(source, at_import_time=True)
            if is_within(name, PACKAGE) and (target := nearest_module(name, sources)) not in (None, module)
        }
        for module, source in sources.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def nearest_module(name: str, sources: Sources) -> str | None:
    """The module that an imported name lives in; a package's `__init__` counts only if it is all that is named."""
    parts = name.split(".")[1:]
    candidates = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((candidate for candidate in candidates if candidate in sources), None)


def undocumented_names(sources: Sources) -> list[str]:
    """Public modules, classes, functions and methods without a docstring."""
    return [
        f"{module}: {name}"
        for module, source in sources.items()
        for name, node in public_definitions(ast.parse(source))
        if ast.get_docstring(node) is None
    ]


Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def public_definitions(node: Documented, prefix: str = "") -> Iterator[tuple[str, Documented]]:
    """A module or class and every public name in it; what a function defines inside is its own affair."""
    yield prefix or "the module", node
    for child in node.body:
        if isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            yield from public_definitions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and not child.name.startswith("_"):
            yield f"{prefix}{child.name}", child


def tracked_top_level() -> set[str]:
    """First parts of all paths under version control."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("needs a git checkout")
    return {line.partition("/")[0] for line in listed.stdout.splitlines()}


def test_every_room_is_in_the_table(sources: Sources) -> None:
    rooms = {module.partition(".")[0] for module in sources} - {""}
    assert rooms <= set(ROOMS), f"rooms without a row: {rooms - set(ROOMS)}"


def test_rooms_import_only_what_the_table_lists(sources: Sources) -> None:
    assert forbidden_imports(sources) == []


def test_rooms_import_each_other_in_one_direction() -> None:
    graph = {room: {area.partition(".")[0] for area in areas} for room, areas in ROOMS.items()}
    assert list(TopologicalSorter(graph).static_order())  # raises where there is a circle
    assert set().union(*graph.values()) <= set(ROOMS)


def test_every_edge_of_the_table_is_used(sources: Sources) -> None:
    used = {(module.partition(".")[0], name.split(".")[1]) for module, text in sources.items() for name in inside(text)}
    listed = {(room, area.partition(".")[0]) for room, areas in ROOMS.items() for area in areas}
    assert listed - used == set()


def test_no_folder_is_full(sources: Sources) -> None:
    folders = Counter(str(path.parent) for path in (ROOT / PACKAGE).rglob("*.py") if path.name != "__init__.py")
    assert {folder: count for folder, count in folders.items() if count > MOST_MODULES} == {}


def test_heavy_libraries_stay_in_their_rooms(sources: Sources) -> None:
    assert foreign_libraries(sources) == []


def test_no_modules_import_each_other_in_a_circle(sources: Sources) -> None:
    assert import_cycle(sources) == []


def test_every_public_name_has_a_docstring(sources: Sources) -> None:
    assert undocumented_names(sources) == []


def test_no_module_is_a_drawer_for_everything(sources: Sources) -> None:
    assert [module for module in sources if module.rpartition(".")[2] in NAMELESS] == []


def test_the_top_level_holds_only_what_belongs_there() -> None:
    assert tracked_top_level() <= TOP_LEVEL


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("policies.mlp", "from evo_hns.envs.rewards import team_reward"),
        ("envs.vision", "import evo_hns.physics.cpu"),
        ("search.cmaes", "def ask():\n    from evo_hns.archive import run_file"),
        ("archive.run_file", "from evo_hns import policies"),
        ("envs.rewards", "from . import vision"),
        ("unheard_of", "from evo_hns.worlds import scene"),
    ],
)
def test_the_checker_finds_an_import_that_the_table_does_not_list(module: str, source: str) -> None:
    assert len(forbidden_imports({module: source})) == 1


def test_the_checker_lets_pass_what_the_table_lists() -> None:
    source = "from evo_hns.physics.base import Physics\nfrom evo_hns.config import RulesConfig\nimport torch"
    assert forbidden_imports({"envs.rewards": source}) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("evaluation.fitness", "import evotorch"),
        ("diagnostics.bench", "from mujoco import batch"),
        ("envs.vision", "from mujoco.batch import Batch"),
        ("training.evolution", "def save():\n    import h5py"),
        ("config", "import tyro.conf"),
    ],
)
def test_the_checker_finds_a_library_outside_its_room(module: str, source: str) -> None:
    assert len(foreign_libraries({module: source})) == 1


def test_the_checker_lets_pass_a_library_in_its_room() -> None:
    assert foreign_libraries({"search.snes": "import evotorch", "worlds.scene": "import mujoco"}) == []


def test_the_checker_finds_a_circle_of_imports_but_not_a_lazy_one() -> None:
    here = "from evo_hns.worlds.there import thing"
    back = "from evo_hns.worlds import here"
    assert set(import_cycle({"worlds.here": here, "worlds.there": back})) == {"worlds.here", "worlds.there"}
    assert import_cycle({"worlds.here": here, "worlds.there": f"def late():\n    {back}"}) == []


def test_the_checker_finds_names_without_a_docstring() -> None:
    source = '"""A module."""\nclass Bare:\n    def method(self): ...\n    def _own(self): ...\ndef _own(): ...'
    assert undocumented_names({"envs.bare": source}) == ["envs.bare: Bare.", "envs.bare: Bare.method"]
