"""A database that ticks by itself, and looking at how it fares."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
from psycopg.rows import DictRow

from core.store import Store
from tests.triggers.debian_postgres import Relay

Row = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class TickingDatabase:
    """A database that ticks by itself."""

    owner: psycopg.Connection[DictRow]
    store: Store
    relay: Relay
    api_url: str
    key: str

    def rows(self, statement: str, *values: Any) -> list[Row]:
        return list(self.owner.execute(statement, values).fetchall())

    def tick(self) -> None:
        self.owner.execute("select private.tick()")

    def requests(self) -> list[Row]:
        return self.rows("select * from private.tick_requests order by sent_at, request_id")

    def jobs(self) -> int:
        return len(self.rows("select from ml_training_jobs"))

    def make_due(self) -> None:
        self.owner.execute(
            "update ml_retraining_schedules set next_run_at = case kind"
            " when 'performance_check' then now() - interval '1 hour' else now() + '1 day' end"
        )

    def let_time_pass(self) -> None:
        """What was sent is a minute old."""
        self.owner.execute(
            "update private.tick_requests set sent_at = sent_at - '1 minute'::interval"
        )

    def wait_for(self, ask: Callable[[], T | None], within: float = 20.0) -> T:
        deadline = time.monotonic() + within
        while not (answer := ask()):
            assert time.monotonic() < deadline, (
                self.requests(),
                self.rows("select * from net._http_response"),
            )
            time.sleep(0.1)
        return answer

    def wait_until_sent(self) -> None:
        """All that was queued has been sent, and its answers (unless they are lost) are here."""
        self.wait_for(
            lambda: (
                (
                    not self.rows("select from net.http_request_queue")
                    and (
                        self.relay.loses_answers
                        or not self.rows(
                            "select from private.tick_requests where answered_at is null"
                            " and request_id not in (select id from net._http_response)"
                        )
                    )
                )
                or None
            )
        )

    def set_secret(self, name: str, value: str | None) -> None:
        self.owner.execute("delete from vault.secrets where name = %s", [name])
        self.owner.execute("select vault.create_secret(%s, %s)", [value, name])
