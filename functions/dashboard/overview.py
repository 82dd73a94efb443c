"""The first page: how the models are, what is going on, and what wants a person's eye."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any
from urllib.parse import parse_qs, urlsplit

from core.errors import InvalidRequest
from core.explanations.alerts import alert_label
from functions.acknowledge_alert import acknowledge_alert
from functions.dashboard.overview_cards import (
    describe_improvement,
    make_alert,
    make_card,
    make_distribution,
    make_job,
)
from functions.dashboard.visit import Page, Redirect, Visit
from functions.snooze_alert import snooze_alert

CARDS = 12  # a page
_FIRST, _LAST = 1, 10_000
_HOUR_S = 3600

Json = dict[str, Any]


def show_overview(visit: Visit) -> Page:
    """Figures, alerts, a card for each model type, and the newest jobs."""
    page = _page(visit)
    found = visit.store.get_overview(visit.environment, limit=CARDS, offset=(page - 1) * CARDS)
    if not found["model_type_count"]:
        return Page(template="first_run.html", values={"workers": found["workers"]})
    return Page(template="overview.html", values=_shown(visit, found, page))


def _shown(visit: Visit, found: Json, page: int) -> Json:
    words = visit.words
    pages = ceil(found["model_type_count"] / CARDS)
    return {
        "figures": found,
        "busy_now": _is_busy(found),
        "cards": [make_card(words, row) for row in found["model_types"]],
        "alerts": [make_alert(words, row) for row in found["alerts"]],
        "improvement": describe_improvement(words, found["improvement"]),
        "jobs": [make_job(words, row) for row in found["jobs"]],
        "distribution": make_distribution(words, found["models"]),
        "snoozes": _snoozes(visit),
        "page": page,
        "pages": pages,
        "next_url": visit.url(page=page + 1) if page < pages else None,
        "previous_url": visit.url(page=page - 1) if page > 1 else None,
    }


def _page(visit: Visit) -> int:
    """Which page of model types is asked for; the first where it makes no sense."""
    given = visit.request.args.get("page", "")
    return min(max(int(given), _FIRST), _LAST) if given.isdecimal() and given.isascii() else _FIRST


def _is_busy(found: Json) -> bool:
    """Whether something is under way that will look otherwise in a moment."""
    active = found["active"]
    waiting = active["queued"] + found["active_operations"]
    # Without a worker what waits goes on waiting: there is nothing to look at every 2 seconds.
    return bool(active["running"] or (waiting and found["workers"]["worker"]))


def acknowledge(visit: Visit) -> Redirect:
    """Say that somebody looks after an alert."""
    _ = visit.gettext
    alert = visit.perform(acknowledge_alert, id=visit.request.form.get("alert", ""))["alert"]
    said = _("You look after it: {alert}. It stays here until its cause is gone.")
    return Redirect(location=_back(visit), notice=said.format(alert=_name(visit, alert)))


def snooze(visit: Visit) -> Redirect:
    """Have nobody told of an alert for a while."""
    _ = visit.gettext
    form = visit.request.form
    snoozes = _snoozes(visit)
    seconds = form.get("seconds", "")
    if seconds not in snoozes:
        raise InvalidRequest("Choose for how long: one of the times that the page offers.")
    until = (datetime.now(UTC) + timedelta(seconds=int(seconds))).isoformat()
    alert = visit.perform(snooze_alert, id=form.get("alert", ""), until=until)["alert"]
    said = _("Snoozed for {duration}: {alert}. No messages about it meanwhile.")
    told = said.format(duration=snoozes[seconds], alert=_name(visit, alert))
    return Redirect(location=_back(visit), notice=told)


def _snoozes(visit: Visit) -> dict[str, str]:
    """For how long an alert may be snoozed: seconds, and how people call it."""
    _ = visit.gettext
    offered = {1: _("1 hour"), 8: _("8 hours"), 7 * 24: _("1 week")}
    return {str(hours * _HOUR_S): name for hours, name in offered.items()}


def _name(visit: Visit, alert: Json) -> str:
    return alert_label(visit.words, alert["kind"])


def _back(visit: Visit) -> str:
    """The same part of the overview, on which the form stood."""
    page = parse_qs(urlsplit(visit.request.form.get("back", "")).query).get("page", [""])[0]
    return visit.url(page=page if page.isdecimal() else None)
