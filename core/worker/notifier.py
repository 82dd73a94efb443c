"""Telling people what is due, beside the work: a thread for each channel."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from threading import Event, Thread
from typing import Any

import structlog

from core.errors import DatabaseUnavailable, RefitError
from core.notifications.channels import Channel
from core.notifications.messages import compose
from core.notifications.not_delivered import NotDelivered
from core.notifications.notice import Notice, Outcome
from core.notifications.sending import TIME_LIMIT_S, send
from core.webhooks.backoff import delay_after
from core.worker.context import WorkerContext

POLL_SECONDS = 5.0
# As claim_notifications gives it: for the sending, and then for the database to come back.
_LEASE_SECONDS = 60.0
_WRITE_SECONDS = _LEASE_SECONDS - TIME_LIMIT_S
_WRITE_AGAIN_SECONDS = 0.5
# Where another was just planning what this channel hears.
_AGAIN_SECONDS = 0.2
_STOP_SECONDS = 2.0

_log = structlog.get_logger(__name__)


class Notifier:
    """What tells the channels of a worker; any number of workers do no harm.

    Each channel has a thread of its own: one that hangs or is down holds up no other.

    Parameters
    ----------
    context : WorkerContext
        Its ``leaving`` ends the threads too.
    channels : sequence of Channel
        Without any there is nothing to do; what happens is written down nevertheless.
    dashboard_url : str or None
        Where messages link to.
    """

    def __init__(
        self, context: WorkerContext, channels: Sequence[Channel], dashboard_url: str | None
    ) -> None:
        self._lines = [_Line(context, channel, dashboard_url) for channel in channels]

    def start(self) -> None:
        """Begin telling."""
        for line in self._lines:
            line.thread.start()

    def stop(self) -> None:
        """Give what is being sent a moment, then hand it back; ``leaving`` must be set."""
        deadline = time.monotonic() + _STOP_SECONDS
        for line in self._lines:
            line.thread.join(timeout=max(0.0, deadline - time.monotonic()))
        for line in self._lines:
            line.hand_back()


class _Line:
    """One channel's thread: one message after the other."""

    def __init__(self, context: WorkerContext, channel: Channel, dashboard_url: str | None) -> None:
        self._context = context
        self._channel = channel
        self._dashboard_url = dashboard_url
        self._chance = Random()  # noqa: S311 - spreads attempts, guards nothing  # nosec B311
        self._sending: Notice | None = None
        self.thread = Thread(target=self._run, name=f"channel {channel.name}", daemon=True)

    def hand_back(self) -> None:
        """Let another worker send what this one is at."""
        notice = self._sending
        if notice is not None and self.thread.is_alive():
            self._write(notice, Outcome.RETRY, error="The worker was asked to end.", retry_in_s=0.0)

    def _run(self) -> None:
        leaving, log = self._context.leaving, _log.bind(channel=self._channel.name)
        while not leaving.is_set():
            try:
                self._tell_due(leaving)
            except RefitError as exc:
                log.warning("notifications_not_claimed", error=exc.problem, detail=exc.message)
            except Exception:
                # Whatever it was: without this thread the channel would hear nothing more.
                log.exception("notifications_not_claimed")
            leaving.wait(POLL_SECONDS)

    def _tell_due(self, leaving: Event) -> None:
        store, name = self._context.store, self._context.name
        while not leaving.is_set():
            # One at a time: what waits meanwhile is folded when its turn comes.
            due = store.claim_notifications(name, [_wishes(self._channel)], limit=1)
            for notice in due.notices:
                self._sending = notice
                try:
                    self._tell(notice)
                finally:
                    self._sending = None
            if not due.notices and not due.incomplete:
                return
            if not due.notices:
                leaving.wait(_AGAIN_SECONDS)

    def _tell(self, notice: Notice) -> None:
        try:
            remark = send(self._channel, compose(notice, self._dashboard_url))
        except NotDelivered as exc:
            if exc.transient:
                delay = delay_after(notice.attempt, self._chance)
                self._write(notice, Outcome.RETRY, error=exc.reason, retry_in_s=delay)
            else:
                self._write(notice, Outcome.FAILED, error=exc.reason)
        except Exception as exc:  # noqa: BLE001
            # It would break the same way again; what waits behind it would never be told.
            _log.exception("notification_not_composed", notification_id=str(notice.notification_id))
            self._write(notice, Outcome.FAILED, error=f"Refit failed: {type(exc).__name__}.")
        else:
            self._write(notice, Outcome.DELIVERED, error=remark)

    def _write(
        self,
        notice: Notice,
        outcome: Outcome,
        *,
        error: str | None,
        retry_in_s: float | None = None,
    ) -> None:
        log = _log.bind(
            channel=notice.channel,
            event_type=str(notice.event),
            notification_id=str(notice.notification_id),
            model_type=notice.model_type,
            job_id=None if notice.job_id is None else str(notice.job_id),
            attempt=notice.attempt,
        )
        deadline = time.monotonic() + _WRITE_SECONDS
        while True:
            try:
                row = self._context.store.finish_notification(
                    notice, outcome, error=error, retry_in_s=retry_in_s
                )
            except DatabaseUnavailable as exc:
                if time.monotonic() > deadline or self._context.leaving.is_set():
                    # It is told again when its lease is over.
                    log.warning("notification_not_written", error=exc.problem)
                    return
                time.sleep(_WRITE_AGAIN_SECONDS)
            except RefitError as exc:
                log.warning("notification_not_written", error=exc.problem, detail=exc.message)
                return
            else:
                break
        if outcome is Outcome.DELIVERED:
            log.info("notification_delivered", remark=error)
        else:
            log.warning("notification_not_delivered", status=row["status"], reason=error)


def _wishes(channel: Channel) -> dict[str, Any]:
    """What the database may know of a channel: never where it is."""
    quiet = channel.quiet
    quiet_until = None if quiet is None else quiet.quiet_until(datetime.now(UTC))
    return {
        "name": channel.name,
        "events": sorted(channel.events),
        "least_severity": str(channel.least_severity),
        "quiet_until": None if quiet_until is None else quiet_until.isoformat(),
    }
