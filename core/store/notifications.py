"""Notifications: what workers do with those that are due, and what people ask about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from core.domain import Environment
from core.notifications.events import Event
from core.notifications.notice import Due, Notice, Outcome
from core.store.caller import Caller, Json


class Notifications(Caller):
    """The outbox of ``ml_notifications``."""

    def claim_notifications(
        self, worker: str, channels: Sequence[Mapping[str, Any]], *, limit: int
    ) -> Due:
        """Take what is due for some channels under a lease; each is given to one worker.

        Parameters
        ----------
        worker : str
            Name of this process.
        channels : sequence of mapping
            ``name``, ``events``, ``least_severity`` and ``quiet_until`` (an ISO time until which
            only what is critical may disturb, or None). Nothing else of a channel is sent.
        limit : int
            At most so many.
        """
        answer = self._work(
            "claim_notifications",
            p_worker=worker,
            p_channels=[dict(channel) for channel in channels],
            p_limit=limit,
        )
        return Due(
            notices=tuple(Notice.from_row(row) for row in answer["notices"]),
            incomplete=answer["incomplete"],
        )

    def finish_notification(
        self,
        notice: Notice,
        outcome: Outcome,
        *,
        error: str | None = None,
        retry_in_s: float | None = None,
    ) -> Json:
        """Write what came of an attempt: ``{id, status, attempts, next_attempt_at}``.

        Raises
        ------
        LeaseLost
            When another worker may be at it.
        """
        answer: Json = self._work(
            "finish_notification",
            p_id=notice.id,
            p_lease_token=notice.lease_token,
            p_outcome=str(outcome),
            p_error=error,
            p_retry_seconds=retry_in_s,
        )
        return answer

    def list_notifications(
        self,
        *,
        model_type: str | None = None,
        environment: Environment | None = None,
        event: Event | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Json:
        """What people were to be told, newest first: ``{items, next_cursor}``.

        Each item has its ``deliveries``, one for each message to a channel: ``{channel, telling,
        status, withheld_because, occurrences, attempts, next_attempt_at, last_error,
        delivered_at}``.
        """
        answer: Json = self._ask(
            "list_notifications",
            p_model_type=model_type,
            p_environment=environment,
            p_event=event,
            p_limit=limit,
            p_cursor=cursor,
        )
        return answer

    def get_digest(self, *, since: datetime, until: datetime, environment: Environment) -> Json:
        """What happened in a time: ``{since, until, environment, items, totals}``."""
        answer: Json = self._ask(
            "get_digest", p_since=since, p_until=until, p_environment=environment
        )
        return answer

    def write_digest(self, *, environment: Environment, due_at: datetime) -> bool:
        """Write the digest that was due at a time, once however many ask; False: none was."""
        written: bool = self._work("write_digest", p_environment=environment, p_due_at=due_at)
        return written
