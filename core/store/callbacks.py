"""Callbacks: what workers do with those that are due, and what people ask about them."""

from __future__ import annotations

from uuid import UUID

from core.store.caller import Caller, Json
from core.webhooks.deliveries import Attempt, ClaimedDelivery


class Callbacks(Caller):
    """The outbox of ``ml_webhook_deliveries``."""

    def claim_webhook_deliveries(self, worker: str, *, limit: int) -> list[ClaimedDelivery]:
        """Take callbacks that are due under a lease; each is given to one worker."""
        rows = self._work("claim_webhook_deliveries", p_worker=worker, p_limit=limit)
        return [ClaimedDelivery.from_row(row) for row in rows]

    def finish_webhook_delivery(self, delivery: ClaimedDelivery, attempt: Attempt) -> Json:
        """Write what came of an attempt: ``{id, status, attempts, next_attempt_at}``.

        Raises
        ------
        LeaseLost
            When another worker may be at it.
        """
        answer: Json = self._work(
            "finish_webhook_delivery",
            p_id=delivery.id,
            p_lease_token=delivery.lease_token,
            p_outcome=attempt.verdict,
            p_error=attempt.error,
            p_retry_seconds=attempt.retry_in_s,
        )
        return answer

    def list_webhook_deliveries(
        self, *, status: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Json:
        """Callbacks, newest first: ``{items, next_cursor}``; of an address scheme and host."""
        answer: Json = self._ask(
            "list_webhook_deliveries", p_status=status, p_limit=limit, p_cursor=cursor
        )
        return answer

    def retry_webhook_delivery(self, delivery_id: UUID) -> Json:
        """Let a failed callback be due again at once.

        Raises
        ------
        NotFound, IllegalTransition
        """
        answer: Json = self._ask("retry_webhook_delivery", p_id=delivery_id)
        return answer
