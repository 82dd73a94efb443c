"""What is done from a model type's page: check it, deploy a version, roll one back."""

from __future__ import annotations

from typing import Any

from core.explanations.checks import explain_check, verdict_label
from functions.check_performance import check_performance
from functions.dashboard.visit import Redirect, Visit
from functions.deploy_model import deploy_model
from functions.rollback_model import rollback_model

Json = dict[str, Any]
# A person looks at a page that loads meanwhile.
_PATIENCE_S = 5


def check(visit: Visit) -> Redirect:
    """Measure the champion now, and say what was found or that it is still being done."""
    _ = visit.gettext
    name = visit.values["name"]
    answer = visit.perform(
        check_performance,
        model_types=[name],
        environment=visit.environment,
        wait_seconds=_PATIENCE_S,
    )
    if "results" not in answer:
        return _still_running(visit, answer, _("The check has been asked for and is under way."))
    result = answer["results"][0]
    verdict = verdict_label(visit.words, result["verdict"])
    said = _("Checked: {verdict}. {why}")
    return _back(visit, said.format(verdict=verdict, why=explain_check(visit.words, result)))


def deploy(visit: Visit) -> Redirect:
    """Let an approved version serve."""
    _ = visit.gettext
    form = visit.request.form
    answer = visit.perform(
        deploy_model,
        model_ids=[form.get("model_id", "")],
        environment=visit.environment,
        reason=form.get("reason", "").strip() or None,
        wait_seconds=_PATIENCE_S,
    )
    if "deployments" not in answer:
        return _still_running(
            visit, answer, _("The deployment has been asked for and is under way.")
        )
    version = answer["deployments"][0]["model_version"]
    said = _("Version {version} is in use now.")
    return _back(visit, said.format(version=visit.format.number(version)))


def roll_back(visit: Visit) -> Redirect:
    """Go back to the version before, and keep the other one from ever serving again."""
    _ = visit.gettext
    deployment = visit.perform(
        rollback_model,
        model_type=visit.values["name"],
        environment=visit.environment,
        reason=visit.request.form.get("reason", "").strip(),
    )["deployment"]
    said = _(
        "Version {version} is in use again. The version that was rolled back is quarantined: it "
        "will not be deployed again."
    )
    return _back(visit, said.format(version=visit.format.number(deployment["model_version"])))


def _still_running(visit: Visit, answer: Json, said: str) -> Redirect:
    """What an operation without a result came to: its failure, or that it goes on."""
    if "detail" in answer:
        return _back(visit, answer["detail"], failed=True)
    more = visit.gettext("This page shows by itself how it ends.")
    return _back(visit, f"{said} {more}")


def _back(visit: Visit, said: str, *, failed: bool = False) -> Redirect:
    place = visit.url(f"model-types/{visit.values['name']}")
    return Redirect(location=place, notice=said, failed=failed)
