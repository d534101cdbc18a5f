"""A disk on which a generation takes three seconds, for whoever has this folder on the `PYTHONPATH`.

A run then lasts long enough to be stopped, on any machine, and costs no processor time to wait for. Once a job was put
into the queue again, the disk is as quick as it is.
"""

import os
import time

_fsync = os.fsync


def slow_fsync(descriptor: int) -> None:
    """Take three seconds; a generation is synced once, in the journal of the run file."""
    time.sleep(3.0)
    _fsync(descriptor)


if "SLURM_RESTART_COUNT" not in os.environ:
    os.fsync = slow_fsync
