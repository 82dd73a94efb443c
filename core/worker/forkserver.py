"""The process that training children are forked from."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import forkserver, get_context
from multiprocessing.context import ForkServerProcess

from core.errors import ConfigurationError, TrainingFailed
from core.worker import child

_START_LIMIT_S = 60.0
_REAP_LIMIT_S = 10.0
_DYING_S = 0.2


def start_forkserver() -> None:
    """Start the forkserver and wait until it is warm; does nothing when it runs already.

    May be called from any thread of the process that is to run children, but only after that
    process has done all forking of its own. The forkserver ends with the process, and when its
    main thread ends.

    Raises
    ------
    ConfigurationError
        The forkserver could not load Refit, or did not start at all.
    """
    _FORKSERVER.ensure_warm()


def start_process(process: ForkServerProcess) -> None:
    """Start a child, on a forkserver that is warm.

    Raises
    ------
    ConfigurationError
        There is no forkserver.
    TrainingFailed
        There is one, and it could not start the child.
    """
    _FORKSERVER.start(process)


def end_process(process: ForkServerProcess) -> int | None:
    """Kill a child with all that it started, and see it reaped; gives its exit code.

    The exit code of a child that had ended already is its own; None: it was never started, or the
    kernel could not end it yet.
    """
    if process.pid is None:
        return None
    # Killed at once, even while the one thread is busy starting another.
    # The child leads a group of its own, but for its first moments, when it is alone.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    return _FORKSERVER.reap(process)


class _Forkserver:
    """multiprocessing's one forkserver, and the one thread that deals with it.

    One, because multiprocessing's list of children is not made for several; and one that stays,
    because the kernel ties a child to the thread that made it.
    """

    def __init__(self) -> None:
        # Starts its thread with the first call, not here.
        self._owner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forkserver-owner")
        self._warm_pid: int | None = None

    def ensure_warm(self) -> None:
        self._owner.submit(self._ensure_warm).result()

    def start(self, process: ForkServerProcess) -> None:
        self._owner.submit(self._start, process).result()

    def reap(self, process: ForkServerProcess) -> int | None:
        return self._owner.submit(_reap, process).result()

    def _ensure_warm(self) -> None:
        get_context("forkserver").set_forkserver_preload([child.PRELOAD_MODULE])
        forkserver.ensure_running()  # reaps a dead one and starts another
        if self._warm_pid is not None and _is_alive(self._warm_pid):
            return
        pid, has_loaded = _ask_forkserver()
        if not has_loaded:
            # multiprocessing keeps silent when it cannot import a module to preload.
            raise ConfigurationError(
                "The forkserver could not load Refit's package.",
                hint="Install it, or start the worker where `python -c 'import core'` works.",
            )
        self._warm_pid = pid

    def _start(self, process: ForkServerProcess) -> None:
        self._ensure_warm()
        try:
            process.start()
        except (OSError, EOFError):
            # The forkserver died: the kernel, perhaps still busy with that, is given a moment.
            time.sleep(_DYING_S)
            self._ensure_warm()
        else:
            return
        try:
            process.start()
        except (OSError, EOFError) as exc:
            raise TrainingFailed(
                f"The training's process did not start: {type(exc).__name__}: {exc}",
                hint="The worker's log may say more; the machine may be short of memory.",
            ) from exc


_FORKSERVER = _Forkserver()


def _ask_forkserver() -> tuple[int, bool]:
    """The forkserver's process id, and whether it loaded what it should."""
    reader, writer = get_context("forkserver").Pipe(duplex=False)
    process = get_context("forkserver").Process(
        target=child.report_preload, args=(writer,), daemon=True
    )
    with reader:
        try:
            with writer:
                process.start()
            answer = reader.recv() if reader.poll(_START_LIMIT_S) else None
        except (EOFError, OSError) as exc:
            raise _not_started() from exc
    if answer is None:
        process.kill()
        raise _not_started()
    process.join()
    pid, has_loaded = answer
    return int(pid), bool(has_loaded)


def _not_started() -> ConfigurationError:
    return ConfigurationError("The forkserver did not start.", hint="The worker's log says why.")


def _reap(process: ForkServerProcess) -> int | None:
    process.join(_REAP_LIMIT_S)
    return process.exitcode


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
