"""Files that are written for people: whole, or not at all."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evo_hns.config import ConfigError
from evo_hns.system import interrupt


@contextmanager
def output_file(path: Path) -> Iterator[Path]:
    """A file beside the one that is wanted, which takes its place if all goes well, and else is removed.

    Args:
        path: the file that is wanted; one that is there stays as it is until the new one is whole.

    Yields:
        A new name in the same folder, with the same ending.

    Raises:
        ConfigError: it cannot be written there.
    """
    partial = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{path.suffix}")
    try:
        with interrupt.temporary(partial):
            yield partial
            partial.replace(path)
    except OSError as error:
        reason = error.strerror or str(error).partition("\n")[0]
        raise ConfigError(f"cannot write {path}: {reason}") from None
