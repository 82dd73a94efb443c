"""`refit schedules`: when checks and retrainings start by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from core.cli.options import InEnvironment, JsonOutput
from core.cli.output import local_time, print_json, say
from core.cli.session import open_session
from core.domain import ScheduleKind
from core.errors import InvalidRequest, NotFound

if TYPE_CHECKING:
    from core.store import Store

Json = dict[str, Any]

schedules = typer.Typer(help="When checks and retrainings start by themselves.")

# Every 4 hours, and on Sunday nights: what a new model type gets too.
_DEFAULT_CRONS = {
    ScheduleKind.PERFORMANCE_CHECK: "0 */4 * * *",
    ScheduleKind.FORCED_RETRAINING: "30 3 * * 0",
}

Cron = Annotated[
    str | None,
    typer.Option("--cron", help="Minute, hour, day of month, month, day of week: '0 */4 * * *'."),
]
TimeZone = Annotated[
    str | None, typer.Option("--time-zone", help="Such as Europe/Amsterdam; default: UTC.")
]
NewTimeZone = Annotated[
    str | None, typer.Option("--time-zone", help="Such as Europe/Amsterdam; default: as it is.")
]
ScheduleId = Annotated[UUID, typer.Argument(metavar="ID", help="As `refit schedules list` shows.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(schedules, name="schedules")


@schedules.command("list")
def list_schedules(
    model_type: Annotated[str | None, typer.Argument(help="Default: all.")] = None,
    as_json: JsonOutput = False,
) -> None:
    """All schedules with their next runs."""
    with open_session() as session:
        if model_type is not None:
            session.store.get_model_type(model_type)
        found = list(_all(session.store, model_type))
    if as_json:
        print_json({"items": found})
    elif not found:
        say("There is no schedule: refit schedules create makes one.")
    else:
        _print(found)


@schedules.command()
def create(
    model_type: str,
    kind: Annotated[
        ScheduleKind, typer.Option("--kind", help="What it starts.")
    ] = ScheduleKind.PERFORMANCE_CHECK,
    cron: Cron = None,
    time_zone: TimeZone = None,
    environment: InEnvironment = None,
    as_json: JsonOutput = False,
) -> None:
    """Add a schedule; without --cron a check every 4 hours, a retraining every week."""
    from core.schedules import require_cron

    cron, time_zone = cron or _DEFAULT_CRONS[kind], time_zone or "UTC"
    require_cron(cron, time_zone)
    with open_session() as session:
        created = session.store.create_schedule(
            model_type,
            kind=kind,
            cron=cron,
            time_zone=time_zone,
            environment=session.environment(environment),
        )
    _show(created, as_json=as_json)


@schedules.command()
def update(
    schedule_id: ScheduleId,
    cron: Cron = None,
    time_zone: NewTimeZone = None,
    as_json: JsonOutput = False,
) -> None:
    """Change when a schedule runs; its next run is computed anew."""
    from core.schedules import require_cron

    given = {"cron": cron, "time_zone": time_zone}
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        raise InvalidRequest("Nothing is to be changed.", hint="Name --cron or --time-zone.")
    with open_session() as session:
        now = _find(session.store, schedule_id)
        require_cron(cron or now["cron"], time_zone or now["time_zone"])
        changed = session.store.update_schedule(schedule_id, changes)
    _show(changed, as_json=as_json)


@schedules.command()
def enable(schedule_id: ScheduleId, as_json: JsonOutput = False) -> None:
    """Let a schedule run again, from its next time on: what it missed is not made up for."""
    with open_session() as session:
        changed = session.store.update_schedule(schedule_id, {"enabled": True})
    _show(changed, as_json=as_json)


@schedules.command()
def disable(schedule_id: ScheduleId, as_json: JsonOutput = False) -> None:
    """Pause a schedule."""
    with open_session() as session:
        changed = session.store.update_schedule(schedule_id, {"enabled": False})
    _show(changed, as_json=as_json)


def _all(store: Store, model_type: str | None) -> Iterator[Json]:
    page: Json = {"next_cursor": None}
    while True:
        page = store.list_schedules(model_type, cursor=page["next_cursor"])
        yield from page["items"]
        if page["next_cursor"] is None:
            return


def _find(store: Store, schedule_id: UUID) -> Json:
    for schedule in _all(store, None):
        if schedule["id"] == str(schedule_id):
            return schedule
    raise NotFound(f"There is no schedule {schedule_id}.", hint="refit schedules list shows them.")


def _show(schedule: Json, *, as_json: bool) -> None:
    if as_json:
        print_json(schedule)
    else:
        _print([schedule])


def _print(items: list[Json]) -> None:
    # Lines and no table: an id that is folded cannot be copied.
    for s in items:
        what = f"{s['kind'].replace('_', ' ')} of {s['model_type']}, {s['environment']}"
        say(f"{s['id']}  {what}")
        say(f"    {s['cron']} ({s['time_zone']}), {_next_run(s)}")


def _next_run(schedule: Json) -> str:
    if not schedule["enabled"]:
        return "disabled"
    if schedule["next_run_at"] is None:
        return "next run: computed by the next tick"
    return f"next run {local_time(schedule['next_run_at'])}"
