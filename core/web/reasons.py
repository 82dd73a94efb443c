"""Why a job or a check ended as it did, beside the figures."""

from __future__ import annotations

from core.domain import OperationKind
from core.explanations.evidence import explain_evidence
from core.explanations.why import explain_job_story
from core.explanations.words import ENGLISH
from core.store import Json


def job_with_reasons(job: Json) -> Json:
    """A training job with ``why``: the story of its decision in English sentences."""
    return {**job, "why": explain_job_story(ENGLISH, job)}


def result_with_reasons(kind: str, result: Json | None) -> Json | None:
    """An operation's result; each of a check's results with ``why``."""
    if kind != OperationKind.CHECK or not result or "results" not in result:
        return result
    return {
        **result,
        "results": [{**one, "why": explain_evidence(ENGLISH, one)} for one in result["results"]],
    }


def operation_with_reasons(operation: Json) -> Json:
    """An operation; each result of a check with ``why``."""
    return {**operation, "result": result_with_reasons(operation["kind"], operation["result"])}
