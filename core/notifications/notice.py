"""One thing to tell one channel, as a worker holds it, and what came of telling it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from core.domain import Environment
from core.notifications.events import Event, Severity


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What one channel is to be told, under a lease.

    Attributes
    ----------
    id, notification_id : UUID
        Of this telling, and of the notification that it tells.
    lease_token : UUID
        Proof of the worker that is at it.
    channel : str
        The channel's name; nothing else of it is stored.
    resolved : bool
        Whether this is the message that it is over; only who heard that it began gets it.
    resolved_at : datetime or None
        When it was over; also set where that was before anybody could tell that it began.
    reminder : bool
        Whether it stands still: the channel has heard of it before.
    occurrences : int
        How often it was seen while it stood, with what was folded into this message.
    first_at, created_at : datetime
        When it was first seen, and when it was last seen (UTC).
    model_type, title : str or None
        The model type and its name for people; None for what concerns all of them.
    data : Mapping
        The figures of the time, as docs/notifications.md lists them by event.
    attempt : int
        Which attempt this is, from 1.
    """

    id: UUID
    notification_id: UUID
    lease_token: UUID
    channel: str
    event: Event
    severity: Severity
    resolved: bool
    resolved_at: datetime | None
    reminder: bool
    occurrences: int
    first_at: datetime
    created_at: datetime
    model_type: str | None
    title: str | None
    environment: Environment | None
    job_id: UUID | None
    deployment_id: UUID | None
    alert_id: UUID | None
    data: Mapping[str, Any]
    attempt: int

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """As ``claim_notifications`` gives it."""
        return cls(
            id=UUID(row["id"]),
            notification_id=UUID(row["notification_id"]),
            lease_token=UUID(row["lease_token"]),
            channel=row["channel"],
            event=Event(row["event"]),
            severity=Severity(row["severity"]),
            resolved=row["resolved"],
            resolved_at=_time(row["resolved_at"]),
            reminder=row["reminder"],
            occurrences=row["occurrences"],
            first_at=datetime.fromisoformat(row["first_at"]),
            created_at=datetime.fromisoformat(row["created_at"]),
            model_type=row["model_type"],
            title=row["title"],
            environment=None if row["environment"] is None else Environment(row["environment"]),
            job_id=_id(row["job_id"]),
            deployment_id=_id(row["deployment_id"]),
            alert_id=_id(row["alert_id"]),
            data=row["data"],
            attempt=row["attempts"],
        )


@dataclass(frozen=True, kw_only=True)
class Due:
    """What is due for some channels.

    Attributes
    ----------
    notices : tuple of Notice
    incomplete : bool
        Whether another worker was just deciding who hears what: there may be more in a moment.
    """

    notices: tuple[Notice, ...]
    incomplete: bool


class Outcome(StrEnum):
    """What an attempt to tell means for the notice."""

    DELIVERED = "delivered"
    RETRY = "retry"
    FAILED = "failed"


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _id(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)
