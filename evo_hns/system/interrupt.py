"""Ctrl-C: the first one ends a process in good order and within a second, the second one ends it at once.

Python delivers a signal only between two steps of the main thread, which may be compiling a kernel, and whatever is
interrupted may swallow the exception. So a thread watches beside it: it answers at once, and ends the process when its
time is up. The process then ends without waiting for its other threads, which may be in the middle of a batch.

Nothing but the standard library is imported, so that all of this holds from the first import on.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

INTERRUPTED = 130
"""Exit code of a process that Ctrl-C ended, as shells count it."""
STOPPED = (75, INTERRUPTED, 143)
"""Exit codes of a process that was stopped (`shutdown.EXIT_CODES`); it waits for no thread that is in a batch."""
PATIENCE = 0.8
"""Seconds until a process that was interrupted is ended, whatever it is doing."""
ECHO = 0.05
"""Seconds within which a further SIGINT is the same Ctrl-C, come another way."""

FIRST_WORDS = "evo-hns: ending; Ctrl-C again ends at once\n"
_SHOW_CURSOR = b"\x1b[?25h"  # which a progress bar hides


class _Interrupt:
    """What this process knows of Ctrl-C."""

    def __init__(self) -> None:
        self.watched = False  #: this process is ours to end
        self.heard = False  #: the main thread knows of a Ctrl-C
        self.patience = PATIENCE
        self.answers = True  #: says at once what it does
        self.concludes = True  #: says in the end what to do now
        self.hint = ""  #: what to do now
        self.answering = threading.Lock()
        self.telling = threading.Lock()
        self.told = False  #: the last words were said
        self.saving = 0  #: how many calls are in flight that come to their end first
        self.raises = False  #: at the end of these calls
        self.undone: dict[object, Callable[[], object]] = {}  #: what is still to be done when the process is ended
        self.ending = threading.Lock()
        self.moment = 0.0  #: before which the process does not end, as `time.time()` counts


_state = _Interrupt()


def run(command: Callable[[], int], *, answers: bool = True, concludes: bool = True) -> int:
    """Call what a process is there for, with Ctrl-C as described above.

    Args:
        command: answers with an exit code.
        answers: say at once what a Ctrl-C does; else somebody else does.
        concludes: say in the end what to do now; else somebody else does.

    Returns:
        The exit code. A process that got a signal to end does so here instead, with the code that `command` answers, or
        `INTERRUPTED` if it raises after a Ctrl-C.
    """
    _state.answers, _state.concludes = answers, concludes
    _watch()
    try:
        code = command()
    except BaseException:
        if not (_state.heard or _state.ending.locked()):
            raise
        code = INTERRUPTED
        if concludes:
            sys.stderr.write(last_words())
    if _state.heard or _state.ending.locked() or code in STOPPED:
        end(code)
    if _state.watched:  # all is done; only the interpreter is still to end
        _state.answers = _state.concludes = False
        signal.signal(signal.SIGINT, lambda *_: end(code))
    return code


def end(code: int) -> NoReturn:
    """End this process now, whatever its threads are doing."""
    if not _state.ending.acquire(blocking=False):
        while True:  # another thread is doing so
            time.sleep(1.0)
    flushing = threading.Thread(target=_flush, daemon=True)  # a pipe that nobody reads would wait for ever
    flushing.start()
    flushing.join(0.1)
    for undo in list(_state.undone.values()):
        with contextlib.suppress(Exception):
            undo()
    if os.isatty(2):
        _write(_SHOW_CURSOR)
    time.sleep(max(0.0, _state.moment - time.time()))
    os._exit(code)


def end_at(moment: float) -> None:
    """Let this process end together with others, when it ends.

    Args:
        moment: as `time.time()` counts; no more than some tenths of a second from now.
    """
    _state.moment = moment


def last_words(*hints: str) -> str:
    """What is said when all is over: that the process was interrupted, and what to do now. Empty if it was said.

    Args:
        hints: what to do; by default what `hinting` says.
    """
    with _state.telling:
        if _state.told:
            return ""
        _state.told = _state.watched
    return ": ".join(["evo-hns: interrupted", *filter(None, hints or [_state.hint])]) + "\n"


@contextlib.contextmanager
def hinting(hint: str) -> Iterator[None]:
    """What the last words say to do, if what is done inside is interrupted.

    Raises:
        KeyboardInterrupt: it was; with the hint.
    """
    before, _state.hint = _state.hint, hint
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(hint) from None
    except BaseException:
        raise
    else:
        _state.hint = before


@contextlib.contextmanager
def coming_to_its_end() -> Iterator[None]:
    """Something that a first Ctrl-C waits for: what is being saved.

    Raises:
        KeyboardInterrupt: there was a Ctrl-C meanwhile.
    """
    _state.saving += 1
    try:
        yield
    finally:
        _state.saving -= 1
    if _state.raises and not _state.saving:
        _state.raises = False
        raise KeyboardInterrupt


@contextlib.contextmanager
def temporary(path: Path) -> Iterator[Path]:
    """A file that does not outlive what is done inside, nor the process if it is ended meanwhile."""
    with undoing(path.unlink):
        try:
            yield path
        finally:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


@contextlib.contextmanager
def undoing(undo: Callable[[], object]) -> Iterator[None]:
    """Something is called if the process is ended while something else is done inside."""
    key = undo_at_end(undo)
    try:
        yield
    finally:
        done(key)


def undo_at_end(undo: Callable[[], object]) -> object:
    """Let something be called if the process is ended. What is answered, `done` takes."""
    key = object()
    _state.undone[key] = undo
    return key


def done(key: object) -> None:
    """It is no longer needed."""
    _state.undone.pop(key, None)


def take_time(patience: float) -> None:
    """Let a process that was interrupted end later, since it has to agree on it with others.

    Args:
        patience: seconds.
    """
    _state.patience = patience


def leave_unanswered() -> None:
    """Say nothing when Ctrl-C comes: it is what the process waits for."""
    _state.answers = False


def _watch() -> None:
    """Take Ctrl-C over, unless the process was started to ignore it."""
    if _state.watched or signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_listen, args=(reader,), daemon=True, name="evo-hns-interrupt").start()
    signal.signal(signal.SIGINT, _interrupt)
    _state.watched = True


def _interrupt(signum: int, frame: FrameType | None) -> None:
    """What the main thread does: it is interrupted once."""
    if _state.heard:
        return
    _hear()
    _answer()
    if _state.saving:
        _state.raises = True
    else:
        raise KeyboardInterrupt


def _answer() -> None:
    """Say once what the first Ctrl-C does; a second thread goes on when it was said."""
    with _state.answering:
        if _state.answers:
            _state.answers = False
            _write(FIRST_WORDS.encode())


def _hear() -> None:
    _state.heard = True
    # Whatever a library was doing may complain of being interrupted.
    sys.unraisablehook = lambda _: None
    threading.excepthook = lambda _: None


def _listen(reader: int) -> None:
    """What the thread does: it answers, and ends the process when time is up or Ctrl-C comes again."""
    first: float | None = None
    while True:
        left = None if first is None else max(0.0, first + _state.patience - time.monotonic())
        if not select.select([reader], [], [], 0.05 if left == 0.0 else left)[0]:
            if _state.saving:
                continue
            break
        if signal.SIGINT not in os.read(reader, 512):
            continue
        now = time.monotonic()
        if first is None:
            first = now
            _answer()
        elif now > first + ECHO:
            break
    if _state.concludes:
        _write(last_words().encode())
    end(INTERRUPTED)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def _write(text: bytes) -> None:
    """Write to the standard error, unless that would wait."""
    with contextlib.suppress(OSError):
        if select.select([], [2], [], 0.0)[1]:
            os.write(2, text)
