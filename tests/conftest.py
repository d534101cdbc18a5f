"""What every test shares: one thread for each library, and which tests may run beside each other."""

from __future__ import annotations

import os

import pytest

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of a file in one process, and all that use the private Slurm: what they share is set up once."""
    if not config.pluginmanager.hasplugin("xdist"):
        return
    for item in items:
        group = "slurm" if item.path.parent.name == "slurm" else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))
