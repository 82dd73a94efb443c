"""What may be wrong with an installation, and how to mend it: the findings of `refit doctor`."""

from __future__ import annotations

from collections.abc import Iterator

from core.database import PostgresDatabase
from core.doctor.callbacks import look_at_callbacks
from core.doctor.dashboard import look_at_dashboard
from core.doctor.findings import Finding, Outcome, look
from core.doctor.models import look_at_champions, look_at_model_types
from core.doctor.notifications import look_at_channels, look_at_deliveries
from core.doctor.operation import (
    look_at_alerts,
    look_at_failures,
    look_at_schedules,
    look_at_workers,
)
from core.doctor.servers import look_at_artifacts, look_at_database, look_at_queue
from core.doctor.supabase import look_at_supabase
from core.settings import Settings
from core.store import LOCAL_ADMIN, Store

__all__ = ["Finding", "Outcome", "examine"]


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything; what needs a database that is away is left out.

    Parameters
    ----------
    settings
        With every address filled in.
    """
    yield from look("queue", look_at_queue, settings)
    yield from look("artifacts", look_at_artifacts, settings)
    yield from look("supabase", look_at_supabase, settings)
    yield from look("callbacks", look_at_callbacks, settings)
    yield from look("dashboard", look_at_dashboard, settings)
    yield from look("notifications", look_at_channels, settings)
    database = look("database", look_at_database, settings)
    yield from database
    if any(finding.outcome is Outcome.FAIL for finding in database):
        return
    connection = PostgresDatabase(settings.require_database_url(), max_connections=1)
    try:
        store = Store(connection, actor=LOCAL_ADMIN)
        yield from look("workers", look_at_workers, store)
        yield from look("schedules", look_at_schedules, store)
        yield from look("model_types", look_at_model_types, store, settings)
        yield from look("champions", look_at_champions, store, settings)
        yield from look("trainings", look_at_failures, store)
        yield from look("alerts", look_at_alerts, store)
        yield from look("notifications", look_at_deliveries, store)
    finally:
        connection.close()
