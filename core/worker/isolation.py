"""Heavy work in a child process of its own, which can be killed at any moment.

A child comes from multiprocessing's forkserver, which has scikit-learn and pandas loaded: it
starts in a hundredth of a second, where a fresh interpreter takes over one, and a plain fork would
hang once OpenMP has run in the worker.

Who ends with whom: the kernel kills the forkserver when the worker ends and every child when the
forkserver ends (:mod:`core.worker.lifeline`), so that ``kill -9`` of a worker leaves nothing.

multiprocessing imports the worker's main module again in each child, unless its name ends in
``__main__``: run workers as ``python -m core.worker``, and give children only functions of
importable modules.
"""

from __future__ import annotations

import os
import pickle
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from typing import Any

from core.errors import TrainingFailed
from core.worker import child
from core.worker.forkserver import end_process, start_forkserver, start_process

__all__ = ["Limits", "run_in_child", "start_forkserver"]

_CHUNK_BYTES = 1 << 20
_LAST_MOMENT_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a child may take: seconds, MiB beyond the loaded libraries, OpenMP/BLAS threads."""

    time_limit_s: float
    memory_limit_mb: int
    threads: int


def run_in_child(
    function: child.Work,
    payload: Any,
    *,
    limits: Limits,
    on_message: Callable[[Any], None],
    on_tick: Callable[[], None],
    tick_s: float = 0.25,
) -> Any:
    """Run ``function(payload, send)`` in a child and give its result.

    Whatever the outcome, the child and all that it started are dead and reaped afterwards.

    Parameters
    ----------
    function
        A function of an importable module. What it gives to ``send`` arrives at ``on_message``.
    payload
        Its first argument; like messages and the result, it travels as a pickle.
    limits
        Time, memory and threads.
    on_message
        Called in this thread with each message, in order.
    on_tick
        Called in this thread about every ``tick_s`` seconds. What it raises (``JobCancelled``,
        ``LeaseLost``) ends the child and goes on to the caller.

    Raises
    ------
    RefitError
        The very error that the function raised.
    TrainingFailed
        The function raised something else, or the child went over a limit or died.
    """
    work = pickle.dumps((function, payload), protocol=pickle.HIGHEST_PROTOCOL)
    reader, writer = get_context("forkserver").Pipe(duplex=False)
    process = get_context("forkserver").Process(
        target=child.main,
        args=(writer, work, limits, dict(os.environ)),
        name="refit-training",
        daemon=True,
    )
    with reader:
        try:
            with writer:
                start_process(process)
            frames = _follow(process, reader, limits, on_tick, tick_s)
            return _outcome(frames, limits, on_message)
        finally:
            end_process(process)


def _outcome(
    frames: Iterator[child.Frame], limits: Limits, on_message: Callable[[Any], None]
) -> Any:
    for frame in frames:
        match frame:
            case child.Message(body=body):
                on_message(body)
            case child.Returned(value=value):
                return value
            case child.Raised():
                raise frame.error()
            case child.Crashed():
                raise _crash(frame, limits)
    raise AssertionError("a child's frames end with an outcome or an error")


def _follow(
    process: ForkServerProcess,
    reader: Connection,
    limits: Limits,
    on_tick: Callable[[], None],
    tick_s: float,
) -> Iterator[child.Frame]:
    """The child's frames as they come, with ticks between them however large they are."""
    started = time.monotonic()
    deadline = started + limits.time_limit_s
    next_tick = started + tick_s
    buffer = bytearray()
    while True:
        now = time.monotonic()
        if now >= deadline:
            raise TrainingFailed(
                f"The training took longer than {limits.time_limit_s:g} s and was stopped.",
                hint="Raise REFIT_TRAINING_TIME_LIMIT_S, or train on fewer rows.",
            )
        if now >= next_tick:
            on_tick()
            next_tick = time.monotonic() + tick_s
        timeout = max(0.0, min(next_tick, deadline) - time.monotonic())
        ready = wait([reader, process.sentinel], timeout)
        if reader in ready:
            chunk = os.read(reader.fileno(), _CHUNK_BYTES)
            buffer += chunk
            yield from _take_frames(buffer)
            if chunk:
                continue
        if ready:
            # The pipe closes a moment before the process ends: its own exit code is wanted.
            wait([process.sentinel], _LAST_MOMENT_S)
            raise _death(end_process(process), limits)


def _take_frames(buffer: bytearray) -> Iterator[child.Frame]:
    """Cut the whole frames off the front of the buffer."""
    head = child.FRAME_LENGTH.size
    while len(buffer) >= head:
        (length,) = child.FRAME_LENGTH.unpack_from(buffer)
        if len(buffer) < head + length:
            return
        with memoryview(buffer) as view, view[head : head + length] as body:
            frame: child.Frame = pickle.loads(body)  # noqa: S301 - our own child  # nosec B301
        del buffer[: head + length]
        yield frame


def _crash(crash: child.Crashed, limits: Limits) -> TrainingFailed:
    if crash.out_of_memory:
        return _out_of_memory("ran out of memory", limits, crash.traceback_text)
    return TrainingFailed(
        f"The training failed: {crash.class_name}: {crash.message}",
        child_traceback=crash.traceback_text,
    )


def _death(exit_code: int | None, limits: Limits) -> TrainingFailed:
    """What to say of a child that ended without a word."""
    if exit_code is None or exit_code >= 0:
        return TrainingFailed(
            f"The training's process ended without a result (exit code {exit_code}).",
            hint="The worker's log may say more.",
        )
    number = -exit_code
    if number == signal.SIGKILL:
        return _out_of_memory("was killed (SIGKILL), as the system does without memory", limits)
    return TrainingFailed(
        f"The training's process was ended by {signal.Signals(number).name}.",
        hint="A library crashed; the worker's log may say more.",
    )


def _out_of_memory(what: str, limits: Limits, text: str | None = None) -> TrainingFailed:
    return TrainingFailed(
        f"The training {what}; its limit is {limits.memory_limit_mb} MiB.",
        hint="Raise REFIT_TRAINING_MEMORY_LIMIT_MB, or train on fewer rows.",
        child_traceback=text,
    )
