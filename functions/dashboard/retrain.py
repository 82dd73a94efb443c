"""Asking for a retraining: here, or through n8n where that is set up."""

from __future__ import annotations

import json
from typing import Any

from core.domain import Environment, ModelType
from core.errors import ConfigurationError, InvalidRequest, RefitError, UpstreamFailed
from core.n8n import hand_over
from core.web.parsing import parse_body
from functions.dashboard.jobs import make_asked
from functions.dashboard.visit import Page, Redirect, Visit
from functions.trigger_retraining import TriggerRetraining, trigger_retraining

Json = dict[str, Any]

_FIELDS = ("model_types", "force", "override_limits", "reason")


def show_form(visit: Visit) -> Page:
    """The form; scripts show it as a dialog over the page that leads here."""
    name = visit.request.args.get("model_type")
    offered = _offered(visit)
    chosen = [one.name for one in offered if one.name == name or len(offered) == 1]
    given = {"model_types": chosen, "force": False, "override_limits": False, "reason": ""}
    return _form(visit, offered, given)


def retrain(visit: Visit) -> Page | Redirect:
    """Ask for what the form says; where that is refused, the form says why, field by field."""
    form = visit.request.form
    given: Json = {
        "model_types": form.getlist("model_types"),
        "force": "force" in form,
        "override_limits": "override_limits" in form,
        "reason": form.get("reason", "").strip(),
    }
    offered = _offered(visit)
    try:
        _require_choice(visit, given, offered)
        through_n8n = visit.services.settings.n8n_webhook_url is not None
        return _hand_over(visit, given) if through_n8n else _ask(visit, given)
    except (InvalidRequest, ConfigurationError, UpstreamFailed) as exc:
        return _form(visit, offered, given, error=exc)


def _ask(visit: Visit, given: Json) -> Redirect:
    answer = visit.perform(
        trigger_retraining,
        model_types=given["model_types"],
        force=given["force"],
        override_limits=given["override_limits"],
        reason=given["reason"] or None,
        environment=visit.environment,
    )
    if len(answer["jobs"]) > 1:
        return Redirect(location=visit.url("jobs", asked=visit.request_id))
    (job,) = answer["jobs"]
    recorded = visit.store.list_requested_jobs(visit.request_id)
    # A job that very many have joined no longer records who did.
    asked = recorded[0] if recorded else {**job, "joined": True, "for_follow_up": False}
    return Redirect(
        location=visit.url(f"jobs/{job['id']}"), notice=make_asked(visit, asked)["said"]
    )


def _hand_over(visit: Visit, given: Json) -> Redirect:
    _ = visit.gettext
    asked = {name: given[name] for name in ("model_types", "force")}
    parse_body(TriggerRetraining, json.dumps(asked).encode())
    hand_over(
        visit.services.settings,
        **asked,
        requested_by=visit.viewer.name,
        environment=Environment(visit.environment),
    )
    return Redirect(
        location=visit.url("jobs"),
        notice=_("n8n has your request. Its retraining appears here as soon as n8n starts it."),
    )


def _offered(visit: Visit) -> list[ModelType]:
    """What can be retrained, by title."""
    every = visit.store.list_model_types()
    return sorted(
        (one for one in every if one.enabled), key=lambda one: (one.title or one.name).casefold()
    )


def _require_choice(visit: Visit, given: Json, offered: list[ModelType]) -> None:
    _ = visit.gettext
    if not given["model_types"]:
        raise _refused("model_types", _("Choose at least one model."))
    names = {one.name for one in offered}
    if not names.issuperset(given["model_types"]):
        raise _refused("model_types", _("One of these models is not there, or switched off."))


def _refused(field: str, detail: str) -> InvalidRequest:
    return InvalidRequest(detail, errors=[{"field": field, "detail": detail}])


def _form(
    visit: Visit, offered: list[ModelType], given: Json, *, error: RefitError | None = None
) -> Page:
    errors: dict[str, str | None] = dict.fromkeys(_FIELDS)
    for one in error.errors if error else ():
        # A name in a list is named by its place: model_types.0.
        field = str(one["field"]).partition(".")[0]
        errors[field] = errors.get(field) or one["detail"]
    return Page(
        template="retrain.html",
        values={
            "offered": offered,
            "given": given,
            "errors": errors,
            "error": None if any(errors[name] for name in _FIELDS) else error,
            "through_n8n": visit.services.settings.n8n_webhook_url is not None,
        },
        status=error.status if error else 200,
    )
