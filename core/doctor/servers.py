"""The database, the queue and the artifact store."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit
from uuid import uuid4

from core.artifacts import ArtifactStore
from core.database.migrations import pending_migrations
from core.datasets.connection import read_only
from core.doctor.findings import Finding, ok
from core.errors import DataError, QueueUnavailable, RefitError
from core.queue import Doorbell
from core.settings import Settings

# Refit's own tables, their monthly partitions included; others in these schemas are not ours.
_UNPROTECTED = """
select c.oid::regclass::text as name
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and not c.relrowsecurity
  and n.nspname in ('public', 'private')
  and (c.relname like 'ml\\_%' or c.relname like 'workflow\\_audit\\_logs%'
       or n.nspname = 'private' and c.relname in (
           'migration_history', 'training_job_callbacks', 'job_log_lines', 'job_stages',
           'joined_requests', 'api_keys', 'sign_in_links', 'idempotency_keys', 'tick_requests',
           'detector_state', 'holdout_ledger', 'drift_windows', 'daily_performance',
           'model_imports', 'backtest_reports', 'training_attempts',
           'notification_channels', 'digests', 'audit_seals', 'workers'))
order by 1
"""


def look_at_database(settings: Settings) -> Iterator[Finding]:
    """It answers, has all migrations, and row-level security is on."""
    url = settings.require_database_url()
    pending = pending_migrations(url)
    yield ok("database", f"The database at {_place(url)} answers.")
    if pending:
        raise RefitError(
            f"The database lacks {len(pending)} migrations: {', '.join(pending[:3])} …",
            hint="Apply them: refit migrate.",
        )
    yield ok("database", "All migrations are applied.")
    with read_only(url) as tx:
        unprotected = [row["name"] for row in tx.fetch_rows(_UNPROTECTED)]
    if unprotected:
        statements = " ".join(f"alter table {t} enable row level security;" for t in unprotected)
        raise DataError(
            f"Row-level security is off on {', '.join(unprotected)}.", hint=f"Run: {statements}"
        )
    yield ok("database", "Row-level security is on, on every table of Refit's.")


def look_at_queue(settings: Settings) -> Iterator[Finding]:
    """Redis or Valkey answers."""
    url = settings.require_redis_url()
    doorbell = Doorbell(url)
    try:
        waiting = doorbell.waiting()
    finally:
        doorbell.close()
    if waiting is None:
        raise QueueUnavailable(
            f"The queue at {_place(url)} does not answer.",
            hint="Start it, or correct REDIS_URL; until then work waits in the database.",
        )
    yield ok("queue", f"The queue at {_place(url)} answers; {waiting} messages wait.")


def look_at_artifacts(settings: Settings) -> Iterator[Finding]:
    """A tiny object can be written, read and removed again."""
    url = settings.require_artifacts_url()
    store = ArtifactStore.open(url, endpoint_url=settings.s3_endpoint_url)
    digest = store.put({"written_by_doctor": uuid4().hex}, metadata={"purpose": "doctor"})
    try:
        store.read_bytes(digest)
    finally:
        store.delete(digest)
    yield ok("artifacts", f"Models can be written to {url} and read back.")


def _place(url: str) -> str:
    """Host and port of an address, without user and password."""
    if "://" not in url:
        return "the configured address"
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "the configured address"
    return f"{parts.hostname or 'localhost'}{port}"
