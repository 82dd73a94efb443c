"""What the outbox tests arrange: channels, what is due to them, and time that has passed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.domain import OperationKind
from core.notifications.events import Event, Severity
from core.notifications.notice import Notice, Outcome
from tests.database.factories import FAILURE, Row, Scene, check_of


def channel(name: str = "slack", **changes: Any) -> Row:
    """What the database is told of a channel: this one hears of everything."""
    return {
        "name": name,
        "events": [str(event) for event in Event],
        "least_severity": str(Severity.INFO),
        "quiet_until": None,
        **changes,
    }


def quiet(until: datetime, name: str = "slack", **changes: Any) -> Row:
    return channel(name, quiet_until=until.isoformat(), **changes)


@dataclass(frozen=True, kw_only=True)
class Outbox:
    """What is due, and what came of it."""

    scene: Scene

    def claim(self, *channels: Row, limit: int = 100, worker: str = "worker-1") -> list[Notice]:
        due = self.scene.store.claim_notifications(worker, channels or (channel(),), limit=limit)
        return list(due.notices)

    def told(self, *channels: Row) -> list[Notice]:
        """Take what is due, and deliver it."""
        notices = self.claim(*channels)
        for notice in notices:
            self.scene.store.finish_notification(notice, Outcome.DELIVERED)
        return notices

    def events(self, *channels: Row) -> list[tuple[str, str]]:
        """Event and model type of what is told now."""
        return sorted((str(n.event), n.model_type or "") for n in self.told(*channels))

    def notifications(self, event: str | None = None) -> list[Row]:
        rows = self.scene.rows("select * from ml_notifications order by first_at, id")
        return [row for row in rows if event in {None, row["event"]}]

    def deliveries(self, name: str = "slack") -> list[Row]:
        return self.scene.rows(
            "select d.*, n.event from ml_notification_deliveries as d "
            "join ml_notifications as n on n.id = d.notification_id "
            "where d.channel = %s order by d.created_at, d.id",
            name,
        )

    def pass_time(self, interval: str) -> None:
        """Let everything be as it is when this much time has passed."""
        times = {
            "ml_notification_deliveries": (
                *("created_at", "next_attempt_at", "give_up_at", "delivered_at"),
            ),
            "ml_notifications": ("first_at", "last_at", "resolved_at", "begun_again_at"),
            "private.notification_channels": ("first_seen_at", "last_seen_at"),
            "ml_alerts": ("snoozed_until",),
        }
        for table, columns in times.items():
            earlier = ", ".join(f"{column} = {column} - %(i)s::interval" for column in columns)
            self.scene.owner.execute(f"update {table} set {earlier}".encode(), {"i": interval})

    def settle(self) -> None:
        """What has ended was not there again: it is over."""
        self.pass_time("10 minutes")

    # What happens -------------------------------------------------------------------------

    def check(self, champion: Row, verdict: str = "degraded", **changes: Any) -> None:
        """A check by a worker, ended."""
        operation = self.scene.running_operation(
            OperationKind.CHECK, model_types=[champion["model_type"]]
        )
        self.scene.store.finish_operation(
            operation, {"status": "succeeded", "results": [check_of(champion, verdict, **changes)]}
        )

    def fail(self, model_type: str = "churn", **changes: Any) -> None:
        """A training that fails for a reason that is not the data's."""
        job = self.scene.running_job(model_type, **changes)
        error = {**FAILURE, "type": "training_failed", "status": 500}
        self.scene.store.finish_training_job(job, {"status": "failed", "error": error})
