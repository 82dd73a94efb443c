"""What a model type's page says of each row: the champion, alerts, work, versions, deployments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.explanations.alerts import alert_label, explain_alert, what_to_do
from core.explanations.changes import change_of_validation
from core.explanations.checks import explain_check, verdict_label
from core.explanations.deployments import deployment_label, explain_deployment
from core.explanations.jobs import job_label, stage_label
from core.explanations.metrics import show_metric
from core.explanations.validations import explain_validation, validation_label
from core.explanations.words import Words
from functions.dashboard.model_comparison import VERDICT_TONES, signed_change

Json = dict[str, Any]
Row = Mapping[str, Any]
_CHECK_TONES = {"healthy": "good", "degraded": "bad", "inconclusive": "warn"}
_DEPLOYMENT_TONES = {"active": "good", "rolled_back": "bad"}


def show_champion(words: Words, found: Row) -> Json | None:
    """The version in use with what its newest check found; None where none is in use."""
    champion, check = found["champion"], found["latest_check"]
    if champion is None:
        return None
    checked = check is not None and check["deployment_id"] == champion["id"]
    metric, value = _measured(found, check if checked else None)
    unmeasured = None if value is not None else _unmeasured(words, checked=checked)
    if value is None:
        metric, value = champion["reference"]["metric"], champion["reference"]["value"]
    return {
        **champion,
        "label": verdict_label(words, check["verdict"] if checked else None),
        "tone": _CHECK_TONES.get(check["verdict"], "none") if checked else "none",
        "says": explain_check(words, check) if checked else _not_checked(words),
        "value": show_metric(words, metric, value),
        "unmeasured": unmeasured,
        "checked_at": (check["as_of"] or check["recorded_at"]) if checked else None,
    }


def _measured(found: Row, check: Row | None) -> tuple[str | None, float | None]:
    """What was measured last of the version in use: the metric and its value."""
    if check is not None and check["value"] is not None:
        return check["metric"], check["value"]
    # A check that found too few new cases measured nothing: then the value before it stands.
    version = found["champion"]["model_version"]
    for point in reversed(found["performance"]["points"]):
        if point["version"] == version:
            return point["metric"], point["value"]
    return None, None


def _unmeasured(words: Words, *, checked: bool) -> str:
    """Why the figure of the version in use is the one from before."""
    _ = words.gettext
    if checked:
        return str(
            _("No check could measure it yet; the figure is what its checks are compared with.")
        )
    return str(
        _(
            "The version in use was not checked yet; the figure is what its checks are compared "
            "with."
        )
    )


def _not_checked(words: Words) -> str:
    return words.gettext("It has not been checked since it is in use.")


def show_alert(words: Words, alert: Row) -> Json:
    """What is wrong, and what to do."""
    return {
        "id": alert["id"],
        "label": alert_label(words, alert["kind"]),
        "tone": "bad" if alert["severity"] == "critical" else "warn",
        "says": explain_alert(words, alert),
        "to_do": what_to_do(words, alert["kind"]),
    }


def show_work(words: Words, active: Row) -> list[Json]:
    """What waits or runs for this model type, jobs before operations."""
    _ = words.gettext
    kinds = {
        "check": _("A check"),
        "validation": _("A test of a version"),
        "deployment": _("A deployment"),
    }
    jobs = [
        {
            "id": job["id"],
            "job_id": job["id"],
            "what": _("A training"),
            "state": stage_label(words, job["stage"])
            if job["status"] == "running"
            else job_label(words, job["status"]),
            "progress": job["progress"] if job["status"] == "running" else None,
        }
        for job in active["jobs"]
    ]
    operations = [
        {
            "id": operation["id"],
            "job_id": None,
            "what": kinds[operation["kind"]],
            "state": job_label(words, operation["status"]),
            "progress": None,
        }
        for operation in active["operations"]
    ]
    return [*jobs, *operations]


def show_version(words: Words, version: Row, metric: str) -> Json:
    """A version, its test's verdict, and whether it may be deployed or why not."""
    validation = version["validation"]
    label, tone = _standing(words, version)
    return {
        **version,
        "label": label,
        "tone": tone,
        "quality": show_metric(words, metric, (version["metrics"] or {}).get(metric)),
        "gain": signed_change(
            words,
            metric,
            validation and validation["improvement"],
            scale=change_of_validation(validation or {}, metric),
        ),
        "says": explain_validation(words, validation, metric=metric) if validation else None,
        "why_not": _why_not(words, version),
        "why_waiting": _why_waiting(words, version, metric),
    }


def _standing(words: Words, version: Row) -> tuple[str, str]:
    _ = words.gettext
    validation = version["validation"]
    if version["standing"] == "serving":
        return deployment_label(words, "active"), "good"
    if version["standing"] == "quarantined":
        return _("Quarantined"), "bad"
    verdict = validation and validation["verdict"]
    if verdict is None and version["status"] != "candidate":  # it was judged for another one
        return _("Not tested for this environment"), "none"
    tone = VERDICT_TONES.get(verdict, "none") if verdict else "none"
    return validation_label(words, verdict), tone


def _why_not(words: Words, version: Row) -> str | None:
    """Why a version may not be deployed; None where it may."""
    _ = words.gettext
    match version["standing"]:
        case "serving":
            return str(_("It is in use already."))
        case "quarantined":
            message = _("It was rolled back: “{reason}” Train a new version instead.")
            return str(message.format(reason=version["quarantine_reason"]))
        case "not_validated":
            return str(
                _(
                    "It has not been tested for this environment. Retrain, or ask an engineer to "
                    "run refit validate."
                )
            )
        case "not_approved":
            return str(_("It has not passed every test."))
        case "stale":
            return str(
                _(
                    "It was compared with another model than the one that is in use now. Retrain, "
                    "or ask an engineer to run refit validate."
                )
            )
        case _:
            return None


def _why_waiting(words: Words, version: Row, metric: str) -> str | None:
    """Why a version that may be deployed was not deployed automatically."""
    validation = version["validation"]
    if version["standing"] != "deployable":
        return None
    if validation["auto_deployable"]:
        return words.gettext(
            "It passed every test. It was not deployed automatically because whoever asked for it "
            "left that to a person."
        )
    return explain_validation(words, validation, metric=metric)


def show_deployment(words: Words, deployment: Row) -> Json:
    """Where a version served, how it came there, and what became of it."""
    return {
        **deployment,
        "label": deployment_label(words, deployment["status"]),
        "tone": _DEPLOYMENT_TONES.get(deployment["status"], "none"),
        "says": explain_deployment(words, deployment, validation=deployment["validation"]),
    }
