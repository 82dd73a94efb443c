"""Runs several child processes as one: one log, one Ctrl-C, and up again when one dies."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Self, TextIO

from core.embedded.child import Child, ChildSpec, SharedLog, describe_status
from core.embedded.guardian import Guardian
from core.errors import EmbeddedServerError

__all__ = ["ChildSpec", "Supervisor"]

OWN_NAME = "refit"
POLL_S = 0.1
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class Place:
    """A child's place: the process that fills it now, and what happens when it is empty."""

    spec: ChildSpec
    child: Child | None = None
    delay_s: float = 0.0
    retry_at: float = 0.0


class Supervisor:
    """Starts children, restarts the ones that die, and stops them in the given order.

    Also a context manager, which starts and stops. When this process is killed with -9, a
    :class:`~core.embedded.guardian.Guardian` kills the children and what they forked.

    Parameters
    ----------
    children
        In the order in which they are started and stopped.
    log
        Gets every line of every child, with the time and the child's name.
    stop_timeout_s
        Seconds from SIGTERM to SIGKILL, for each child.
    restart_delays_s
        Seconds before the first restart, doubled each time up to the second number.
    settled_after_s
        Seconds of life after which the delay starts anew.
    """

    def __init__(
        self,
        children: Sequence[ChildSpec],
        log: TextIO,
        *,
        stop_timeout_s: float = 15.0,
        restart_delays_s: tuple[float, float] = (0.5, 10.0),
        settled_after_s: float = 30.0,
    ) -> None:
        self._places = [Place(spec) for spec in children]
        self._log = SharedLog(log, [OWN_NAME, *(spec.name for spec in children)])
        self._stop_timeout_s = stop_timeout_s
        self._restart_delays_s = restart_delays_s
        self._settled_after_s = settled_after_s
        self._guardian = Guardian()
        self._started = False
        self._signals = 0

    @property
    def pids(self) -> dict[str, int]:
        """Process id of each child that is running, by name."""
        return {place.spec.name: place.child.pid for place in self._places if place.child}

    def start(self) -> None:
        """Start all children; nothing happens when they are started already.

        Raises
        ------
        EmbeddedServerError
            When one cannot be run at all; the ones before it are stopped again.
        """
        if self._started:
            return
        self._started = True
        for place in self._places:
            try:
                place.child = Child(place.spec, self._log, self._guardian)
            except OSError as exc:
                self.stop()
                raise EmbeddedServerError(f"{place.spec.name} could not be run: {exc}.") from exc

    def run_until_stopped(self) -> None:
        """Look after the children until SIGINT (Ctrl-C), SIGTERM or SIGHUP, then stop them.

        A second signal kills what has not stopped yet. To be called from the main thread, as
        only that one may handle signals.
        """
        with self._handling_signals():
            try:
                self.start()
                while not self._signals:
                    self.look_after()
                    time.sleep(POLL_S)
            finally:
                self.stop()

    def look_after(self) -> None:
        """Fill the places of children that have ended; to be called again and again, by one thread.

        For a main thread that has something else to do than :meth:`run_until_stopped`.
        """
        for place in self._places:
            self._look_after(place)

    def stop(self) -> None:
        """Stop all children, one after the other, each with its whole process group."""
        for place in self._places:
            if place.child is None:
                continue
            self._log.write(OWN_NAME, f"stopping {place.spec.name}")
            status = place.child.stop(
                timeout_s=self._stop_timeout_s, hurry=lambda: self._signals > 1
            )
            place.child = None
            self._log.write(OWN_NAME, f"{place.spec.name} {describe_status(status)}")
        self._guardian.close()
        self._started = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _look_after(self, place: Place) -> None:
        """Notice that a child has ended, or fill its place when the time has come."""
        now = time.monotonic()
        if place.child:
            status = place.child.ended()
            if status is not None:
                settled = now - place.child.started_at >= self._settled_after_s
                place.child = None
                self._retry_later(place, describe_status(status), anew=settled)
        elif now >= place.retry_at:
            try:
                place.child = Child(place.spec, self._log, self._guardian)
            except OSError as exc:
                self._retry_later(place, f"could not be run ({exc})", anew=False)

    def _retry_later(self, place: Place, what: str, *, anew: bool) -> None:
        first, longest = self._restart_delays_s
        place.delay_s = first if anew or not place.delay_s else min(2 * place.delay_s, longest)
        place.retry_at = time.monotonic() + place.delay_s
        self._log.write(
            OWN_NAME, f"{place.spec.name} {what}; starting it again in {place.delay_s:g} s"
        )

    @contextmanager
    def _handling_signals(self) -> Iterator[None]:
        def note(_number: int, _frame: FrameType | None) -> None:
            self._signals += 1

        # Started with nohup, we stay when the terminal goes.
        heeded = [
            number
            for number in STOP_SIGNALS
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN
        ]
        before = {number: signal.signal(number, note) for number in heeded}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
