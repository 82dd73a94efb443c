"""A callback that is due, and what came of an attempt to send it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class ClaimedDelivery:
    """A callback that this process holds; its address is a secret.

    ``may_have_arrived``: an attempt before this one was sent whole and never answered.
    """

    id: UUID
    lease_token: UUID
    url: str = field(repr=False)
    origin: str
    event: str
    payload: Mapping[str, Any]
    attempt: int
    may_have_arrived: bool = False
    created_at: datetime

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """As ``claim_webhook_deliveries`` gives it."""
        return cls(
            id=UUID(row["id"]),
            lease_token=UUID(row["lease_token"]),
            url=row["url"],
            origin=row["origin"],
            event=row["event"],
            payload=row["payload"],
            attempt=row["attempts"],
            may_have_arrived=row["may_have_arrived"],
            created_at=datetime.fromisoformat(row["created_at"]),
        )

    @property
    def body(self) -> str:
        """What is sent: the same at every attempt."""
        return json.dumps(
            {
                "type": self.event,
                "timestamp": self.created_at.isoformat(),
                "data": self.payload,
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )


class Verdict(StrEnum):
    """What an attempt means for the delivery."""

    DELIVERED = "delivered"
    RETRY = "retry"
    UNANSWERED = "unanswered"  # to be tried again; the receiver may have it
    FAILED = "failed"
    NOT_SENT = "not_sent"  # to be tried again; no attempt was made


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What came of one attempt, in words that show nothing of the address."""

    verdict: Verdict
    error: str | None = None
    retry_in_s: float | None = None
