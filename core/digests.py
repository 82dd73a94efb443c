"""When the digest of an environment is due, and writing it then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from core.domain import Environment
from core.errors import ConfigurationError, InvalidRequest
from core.schedules import last_run, require_cron
from core.settings import Settings
from core.store import Store


@dataclass(frozen=True, kw_only=True)
class DigestPlan:
    """How often which environment is told of."""

    cron: str
    time_zone: str
    environment: Environment

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """As REFIT_DIGEST says; None: never.

        Raises
        ------
        ConfigurationError
            When its cron expression or its time zone makes no sense.
        """
        if not settings.digest:
            return None
        try:
            require_cron(settings.digest, settings.digest_time_zone)
        except InvalidRequest as exc:
            raise ConfigurationError(f"REFIT_DIGEST: {exc.message}", hint=exc.hint) from exc
        return cls(
            cron=settings.digest,
            time_zone=settings.digest_time_zone,
            environment=Environment(settings.environment),
        )


def write_due_digest(store: Store, plan: DigestPlan | None, *, now: datetime) -> int:
    """Write the digest whose time has come, once however many tick.

    Parameters
    ----------
    store : Store
    plan : DigestPlan or None
    now : datetime
        With a time zone. Digests that were missed before it are one, of all that time.

    Returns
    -------
    int
        How many were written.
    """
    if plan is None:
        return 0
    due_at = last_run(plan.cron, plan.time_zone, now)
    return int(store.write_digest(environment=plan.environment, due_at=due_at))
