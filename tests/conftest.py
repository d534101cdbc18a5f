"""What every test shares: one thread for each library, and which tests are run and which may run beside each other."""

from __future__ import annotations

import os

import pytest

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long loops out unless they are asked for; keep together what shares a set-up.

    The tests of a file stay in one process, and so do all that use the private Slurm.
    """
    if "release" not in config.option.markexpr:
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("release")])
        items[:] = [item for item in items if not item.get_closest_marker("release")]
    if not config.pluginmanager.hasplugin("xdist"):
        return
    for item in items:
        group = "slurm" if item.path.parent.name == "slurm" else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))
