"""Sending one callback: vet, sign, post, and judge what came back."""

from __future__ import annotations

import ssl
import time
import traceback
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from random import SystemRandom
from threading import Thread
from typing import Self

import structlog

from core import __version__
from core.errors import Forbidden, InvalidRequest
from core.settings import Settings
from core.webhooks.addresses import AddressPolicy, Resolver, resolve
from core.webhooks.backoff import asked_seconds, delay_after
from core.webhooks.deliveries import Attempt, ClaimedDelivery, Verdict
from core.webhooks.exchange import Exchange, ExchangeFailed, Reply
from core.webhooks.signing import VARIABLE, Signer
from core.webhooks.urls import CallbackUrl

TIME_LIMIT_S = 10.0

_log = structlog.get_logger(__name__)

_UNSIGNED_AGAIN_S = 60.0
_TRIED_AGAIN = {408, 409, 425, 429}
_TAKEN_BEFORE = 409  # what n8n says to the same callback again, and to one that comes too early
_GATEWAY_TIMEOUT = 504
_REASONS = {
    410: "It answered 410: it wants no more callbacks.",
    401: "It answered 401: what it asks for is not in the address.",
    404: "It answered 404: nothing listens at that path.",
}


class Courier:
    """Sends callbacks; many threads may share one.

    Parameters
    ----------
    policy : AddressPolicy
        Who may be called.
    signer : Signer, optional
        None: REFIT_WEBHOOK_SECRET is not set, and nothing is ever sent unsigned.
    tls : ssl.SSLContext, optional
        The system's certificates when not given.
    resolver : callable, optional
        The system's when not given.
    time_limit_s : float
        Of everything together, from the name to the end of the answer.
    """

    def __init__(
        self,
        policy: AddressPolicy,
        signer: Signer | None,
        *,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver = resolve,
        time_limit_s: float = TIME_LIMIT_S,
    ) -> None:
        self._policy = policy
        self._signer = signer
        self._exchange = Exchange(tls=tls or ssl.create_default_context())
        self._resolver = resolver
        self._time_limit_s = time_limit_s
        self._chance = SystemRandom()

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """As the operator configured it.

        Raises
        ------
        ConfigurationError
            When a variable makes no sense; it is named, its value is not shown.
        """
        secret = settings.webhook_secret
        signer = Signer.from_secret(secret.get_secret_value()) if secret else None
        return cls(AddressPolicy.from_settings(settings), signer)

    @property
    def can_sign(self) -> bool:
        """Whether there is a secret."""
        return self._signer is not None

    def send(self, delivery: ClaimedDelivery) -> Attempt:
        """Make one attempt; whatever goes wrong is its outcome."""
        if self._signer is None:
            # Not the receiver's fault: for a day it is looked again whether it is set by now.
            return Attempt(
                verdict=Verdict.NOT_SENT,
                error=f"{VARIABLE} is not set where the worker runs.",
                retry_in_s=_UNSIGNED_AGAIN_S,
            )
        deadline = time.monotonic() + self._time_limit_s
        try:
            url = self._policy.check(delivery.url)
            reply = self._post(url, self._signer, delivery, deadline)
            return self._judged(delivery, reply)
        except InvalidRequest as exc:
            return _failed(f"The address cannot be used. {exc}")
        except Forbidden as exc:
            return _failed(str(exc))
        except ExchangeFailed as exc:
            return self._again(delivery, str(exc), unanswered=exc.sent)
        except Exception as exc:  # noqa: BLE001 — left alone, it would be sent again for ever
            # Of the trace only where it was: what it says may hold the address.
            where = traceback.format_tb(exc.__traceback__)
            _log.error("callback_broke", error=type(exc).__name__, traceback="".join(where))
            return self._again(
                delivery, "Refit met an error of its own; the worker's log says where."
            )

    def _post(
        self, url: CallbackUrl, signer: Signer, delivery: ClaimedDelivery, deadline: float
    ) -> Reply:
        addresses = self._vetted(url, deadline)
        body = delivery.body
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"refit/{__version__}",
            **signer.headers(str(delivery.id), datetime.now(UTC), body),
        }
        return self._exchange.post(
            url, addresses, headers=headers, body=body.encode(), deadline=deadline
        )

    def _vetted(self, url: CallbackUrl, deadline: float) -> list[str]:
        """The addresses to connect to; the system's resolver knows no time limit of ours."""
        answers: SimpleQueue[list[str] | Exception] = SimpleQueue()

        def ask() -> None:
            try:
                answers.put(self._policy.vet(url, self._resolver))
            except Exception as exc:  # noqa: BLE001 — raised where it is waited for
                answers.put(exc)

        Thread(target=ask, name="resolver", daemon=True).start()
        try:
            answer = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty as exc:
            raise ExchangeFailed("Its name was not resolved in time.") from exc
        if isinstance(answer, OSError):
            raise ExchangeFailed("Its name cannot be resolved.") from answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _judged(self, delivery: ClaimedDelivery, reply: Reply) -> Attempt:
        status = reply.status
        if 200 <= status <= 299 or (status == _TAKEN_BEFORE and delivery.may_have_arrived):
            return Attempt(verdict=Verdict.DELIVERED)
        if status in _TRIED_AGAIN or 500 <= status <= 599:
            return self._again(
                delivery,
                f"It answered {status}.",
                asked_s=asked_seconds(reply.retry_after, datetime.now(UTC)),
                unanswered=status == _GATEWAY_TIMEOUT,
            )
        if 300 <= status <= 399:
            return _failed(f"It answered {status}: redirects are not followed.")
        return _failed(_REASONS.get(status, f"It answered {status}."))

    def _again(
        self,
        delivery: ClaimedDelivery,
        error: str,
        *,
        asked_s: float = 0.0,
        unanswered: bool = False,
    ) -> Attempt:
        delay = delay_after(delivery.attempt, self._chance, asked_s=asked_s)
        verdict = Verdict.UNANSWERED if unanswered else Verdict.RETRY
        return Attempt(verdict=verdict, error=error, retry_in_s=delay)


def _failed(error: str) -> Attempt:
    return Attempt(verdict=Verdict.FAILED, error=error)
