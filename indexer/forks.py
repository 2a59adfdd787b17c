"""Processes that are copies of this one."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


def may_fork() -> bool:
    """Whether a copy of this process can work.

    It could not in a program with other threads: a lock that one of them holds would
    stay locked in the copy.
    """
    return "fork" in multiprocessing.get_all_start_methods() and threading.active_count() == 1


@contextmanager
def forked(work: Callable[[], object]) -> Iterator[None]:
    """Another process does `work`, until it is done or the block ends, which kills it.

    What it raises is lost, and it runs no handler of signals and nothing that this process
    does when it ends. Raises `OSError` where there can be no further process. Costs some
    milliseconds, for the tables of this one's memory.
    """
    child = 0
    try:
        with _signals_held():
            child = os.fork()
            if not child:
                try:
                    work()
                finally:
                    os._exit(0)
        yield
    finally:
        if child:
            # Where a program asks for no news of its children there may be nothing left.
            with _signals_held(), suppress(ProcessLookupError, ChildProcessError):
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)


@contextmanager
def _signals_held() -> Iterator[None]:
    """Ctrl-C waits: in the copy it would unwind what belongs to this process."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
