"""When checks and retrainings start by themselves: to see, to add, to change, to pause."""

from __future__ import annotations

from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from core.domain import ScheduleKind
from core.explanations.schedules import cron_in_words, schedule_label
from functions.create_schedule import create_schedule
from functions.dashboard.titles import model_titles
from functions.dashboard.visit import Page, Redirect, Visit
from functions.update_schedule import update_schedule

# What most people want; any other time is a cron expression of their own.
USUAL = ("0 */4 * * *", "0 * * * *", "0 6 * * *", "0 6 * * 1-5", "0 3 * * 0", "0 3 1 * *")


def show_schedules(visit: Visit) -> Page:
    """All schedules of an environment."""
    after = visit.request.args.get("cursor")
    answer = visit.store.list_schedules(environment=visit.environment, cursor=after, limit=100)
    titles = model_titles(visit)
    next_cursor = answer["next_cursor"]
    return Page(
        template="schedules.html",
        values={
            "schedules": [_shown(visit, row, titles) for row in answer["items"]],
            "titles": titles,
            "free": _free(visit, titles),
            "zone": _own_zone(visit),
            "usual": partial(_usual, visit),
            "next_url": visit.url("schedules", cursor=next_cursor) if next_cursor else None,
            "first_url": visit.url("schedules") if after else None,
        },
    )


def create(visit: Visit) -> Redirect:
    """Add a schedule."""
    _ = visit.gettext
    form = visit.request.form
    made = visit.perform(
        create_schedule,
        model_type=form.get("what", "").rpartition(" ")[0],
        kind=form.get("what", "").rpartition(" ")[2],
        environment=visit.environment,
        **_times(visit),
    )["schedule"]
    when = cron_in_words(visit.words, made["cron"], made["time_zone"])
    what = schedule_label(visit.words, made["kind"])
    title = model_titles(visit).get(made["model_type"], made["model_type"])
    return Redirect(
        location=visit.url("schedules"),
        notice=_("The schedule is set: {title}, {what}, {when}.").format(
            title=title, what=what, when=when
        ),
    )


def change(visit: Visit) -> Redirect:
    """Change when a schedule fires, pause it or resume it."""
    _ = visit.gettext
    form = visit.request.form
    changes: dict[str, Any] = (
        {"enabled": form["enabled"] == "true"} if "enabled" in form else _times(visit)
    )
    row = visit.perform(update_schedule, id=visit.values["id"], **changes)["schedule"]
    title = model_titles(visit).get(row["model_type"], row["model_type"])
    when = cron_in_words(visit.words, row["cron"], row["time_zone"])
    said = (
        _("The schedule of {title} runs {when}.")
        if row["enabled"]
        else _("The schedule of {title} is paused. What falls due meanwhile does not run later.")
    )
    return Redirect(location=visit.url("schedules"), notice=said.format(title=title, when=when))


def _usual(visit: Visit, zone: str) -> list[tuple[str, str]]:
    """The usual times, in words."""
    return [(cron, cron_in_words(visit.words, cron, zone)) for cron in USUAL]


def _free(visit: Visit, titles: dict[str, str]) -> list[tuple[str, str]]:
    """What can be scheduled still: of each model type one schedule of a kind."""
    taken: set[tuple[str, str]] = set()
    cursor = None
    while True:
        answer = visit.store.list_schedules(environment=visit.environment, cursor=cursor)
        taken |= {(row["model_type"], row["kind"]) for row in answer["items"]}
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    return [
        (f"{name} {kind}", f"{title}: {schedule_label(visit.words, kind)}")
        for name, title in sorted(titles.items(), key=lambda item: item[1].casefold())
        for kind in ScheduleKind
        if (name, kind) not in taken
    ]


def _own_zone(visit: Visit) -> str:
    """The viewer's zone by its name, or UTC."""
    zone = visit.format.zone
    return zone.key if isinstance(zone, ZoneInfo) else "UTC"


def _times(visit: Visit) -> dict[str, str]:
    form = visit.request.form
    cron = form.get("usual") or form.get("cron", "")
    return {"cron": " ".join(cron.split()), "time_zone": form.get("time_zone", "").strip() or "UTC"}


def _shown(visit: Visit, row: dict[str, Any], titles: dict[str, str]) -> dict[str, Any]:
    return {
        **row,
        "title": titles.get(row["model_type"], row["model_type"]),
        "what": schedule_label(visit.words, row["kind"]),
        "when": cron_in_words(visit.words, row["cron"], row["time_zone"]),
        "is_usual": row["cron"] in USUAL,
    }
