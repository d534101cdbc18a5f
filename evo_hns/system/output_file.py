"""Files that are written for people: whole, or not at all."""

from __future__ import annotations

import secrets
import tempfile
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
        raise _cannot_write(path, error) from None


def check_output(path: Path) -> None:
    """Refuse a file that could not be written, before the work for it is done; nothing is left behind.

    Raises:
        ConfigError: there is no such folder, nothing may be written in it, or the file is a folder itself.
    """
    if not path.parent.is_dir():
        raise ConfigError(f"cannot write {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise ConfigError(f"cannot write {path}: it is a folder, expected the name of a file")
    try:
        with tempfile.TemporaryFile(dir=path.parent, prefix=".evo-hns-"):
            pass
    except OSError as error:
        raise _cannot_write(path, error) from None


def _cannot_write(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"cannot write {path}: {error.strerror or str(error).partition(chr(10))[0]}")
