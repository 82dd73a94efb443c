"""Whether work is taken, and what went wrong lately."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from core.doctor.findings import Finding, ok, warn
from core.domain import Environment
from core.process_name import is_gone
from core.store import Store

_OVERDUE = timedelta(minutes=5)
_RECENT = timedelta(days=7)


def look_at_workers(store: Store) -> Iterator[Finding]:
    """Somebody takes the work, and somebody starts what is due."""
    seen = [w for w in store.get_status()["workers"] if not is_gone(w["id"])]
    for kind in ("worker", "scheduler"):
        count = sum(w["kind"] == kind for w in seen)
        if count:
            yield ok("workers", f"{count} {kind}{'s' * (count > 1)} seen lately.")
        else:
            yield warn("workers", f"No {kind} is running.", f"Start `refit up` or `refit {kind}`.")


def look_at_schedules(store: Store) -> Iterator[Finding]:
    """Nothing that should have run is waiting."""
    late = datetime.now(UTC) - _OVERDUE
    overdue = [
        schedule
        for schedule in store.list_due_schedules()
        if schedule["next_run_at"] and datetime.fromisoformat(schedule["next_run_at"]) < late
    ]
    for schedule in overdue:
        yield warn(
            "schedules",
            f"The {schedule['kind'].replace('_', ' ')} of {schedule['model_type']} was due at "
            f"{schedule['next_run_at']}.",
            "Start `refit up` or `refit scheduler`; it then runs once.",
        )
    if not overdue:
        yield ok("schedules", "No schedule is overdue.")


def look_at_failures(store: Store) -> Iterator[Finding]:
    """Trainings of the last week that failed; the newest of each model type."""
    since = datetime.now(UTC) - _RECENT
    told: set[str] = set()
    for job in store.list_training_jobs(status="failed", limit=200)["items"]:
        if datetime.fromisoformat(job["finished_at"]) < since or job["model_type"] in told:
            continue
        told.add(job["model_type"])
        yield warn(
            "trainings",
            f"A training of {job['model_type']} failed: {job['error']['detail']}",
            f"Mend its cause, then: refit retrain {job['model_type']} --force --wait",
        )
    if not told:
        yield ok("trainings", "No training failed in the last 7 days.")


def look_at_alerts(store: Store) -> Iterator[Finding]:
    """Alerts that nobody has dealt with."""
    alerts = [alert for e in Environment for alert in store.get_status(e)["open_alerts"]]
    for alert in alerts:
        yield warn(
            "alerts",
            f"{alert['model_type']}: {alert['message']}",
            f"See what happened: refit history {alert['model_type']}",
        )
    if not alerts:
        yield ok("alerts", "No alert is open.")
