"""Sending the callbacks that are due, beside the work: a poller, and a few threads that send."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from threading import Event, Lock, Thread

import structlog

from core.errors import DatabaseUnavailable, RefitError
from core.store import LEASE_SECONDS
from core.webhooks.deliveries import Attempt, ClaimedDelivery, Verdict
from core.webhooks.sending import TIME_LIMIT_S, Courier
from core.webhooks.signing import VARIABLE
from core.worker.context import WorkerContext

POLL_SECONDS = 5.0
AT_ONCE = 4
# Where hundreds of jobs end in a second, few of which have callbacks.
_PAUSE_SECONDS = 0.1
_STOP_SECONDS = 2.0
# The lease lasts for the sending, and then for the database to come back.
_WRITE_SECONDS = LEASE_SECONDS - TIME_LIMIT_S
_WRITE_AGAIN_SECONDS = 0.5

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sending:
    """A callback that a thread is at; ``over`` is set when it is done."""

    delivery: ClaimedDelivery
    over: Event = field(default_factory=Event)


class CallbackSender:
    """A thread of every worker that sends what is due; any number of workers do no harm.

    It looks every few seconds, and at once when ``context.callbacks_due`` is set.

    Parameters
    ----------
    context : WorkerContext
        Its ``leaving`` ends the sender too.
    courier : Courier
    """

    def __init__(self, context: WorkerContext, courier: Courier) -> None:
        self._context = context
        self._courier = courier
        self._lock = Lock()
        self._sending: set[_Sending] = set()
        self._thread = Thread(target=self._run, name="callbacks", daemon=True)

    def start(self) -> None:
        """Begin sending."""
        if not self._courier.can_sign:
            _log.info("callbacks_wait", reason=f"{VARIABLE} is not set.")
        self._thread.start()

    def stop(self) -> None:
        """Give what is being sent a moment, then hand it back; ``leaving`` must be set."""
        deadline = time.monotonic() + _STOP_SECONDS
        self._context.callbacks_due.set()
        self._thread.join(timeout=_STOP_SECONDS)
        with self._lock:
            unfinished = list(self._sending)
        for sending in unfinished:
            if not sending.over.wait(max(0.0, deadline - time.monotonic())):
                self._write(
                    sending.delivery,
                    Attempt(
                        verdict=Verdict.UNANSWERED,
                        error="The worker was asked to end.",
                        retry_in_s=0.0,
                    ),
                )

    def _run(self) -> None:
        context = self._context
        while not context.leaving.is_set():
            context.callbacks_due.clear()
            try:
                self._send_due()
            except RefitError as exc:
                _log.warning("callbacks_not_claimed", error=exc.problem, detail=exc.message)
            except Exception:  # noqa: BLE001
                # Whatever it was: without this thread no callback would ever be sent.
                _log.exception("callbacks_not_claimed")
            # What asks to end has set both; the second may just have been cleared.
            if not context.leaving.wait(_PAUSE_SECONDS):
                context.callbacks_due.wait(POLL_SECONDS)

    def _send_due(self) -> None:
        """Take as many as there are free hands for."""
        with self._lock:
            free = AT_ONCE - len(self._sending)
        if free == 0:
            return
        store, name = self._context.store, self._context.name
        for delivery in store.claim_webhook_deliveries(name, limit=free):
            sending = _Sending(delivery=delivery)
            with self._lock:
                self._sending.add(sending)
            Thread(target=self._send, args=(sending,), name="callback", daemon=True).start()

    def _send(self, sending: _Sending) -> None:
        try:
            self._write(sending.delivery, self._courier.send(sending.delivery))
        finally:
            with self._lock:
                self._sending.remove(sending)
            sending.over.set()
            # More may be due than there were hands for.
            self._context.callbacks_due.set()

    def _write(self, delivery: ClaimedDelivery, attempt: Attempt) -> None:
        log = _log.bind(
            delivery_id=str(delivery.id),
            event_type=delivery.event,
            origin=delivery.origin,
            attempt=delivery.attempt,
            request_id=delivery.payload.get("request_id"),
            job_id=delivery.payload.get("job_id"),
        )
        deadline = time.monotonic() + _WRITE_SECONDS
        while True:
            try:
                row = self._context.store.finish_webhook_delivery(delivery, attempt)
            except DatabaseUnavailable as exc:
                if time.monotonic() > deadline or self._context.leaving.is_set():
                    # It is sent again when its lease is over.
                    log.warning("callback_not_written", error=exc.problem)
                    return
                time.sleep(_WRITE_AGAIN_SECONDS)
            except RefitError as exc:
                log.warning("callback_not_written", error=exc.problem, detail=exc.message)
                return
            else:
                break
        if attempt.verdict is Verdict.DELIVERED:
            log.info("callback_delivered")
        else:
            log.warning("callback_not_delivered", status=row["status"], reason=attempt.error)
