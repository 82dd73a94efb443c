"""Rows as they are stored, and what explains them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from core.explanations.alerts import explain_alert
from core.explanations.audit import explain_audit
from core.explanations.checks import explain_check
from core.explanations.deployments import explain_deployment
from core.explanations.evidence import explain_evidence
from core.explanations.gates import explain_gate
from core.explanations.jobs import asked_by, explain_job
from core.explanations.quality import explain_finding
from core.explanations.rules import explain_rule
from core.explanations.skips import explain_skip
from core.explanations.validations import explain_validation
from core.explanations.why import explain_decision, explain_job_story
from core.explanations.windows import explain_window
from core.explanations.words import Words
from tests.explanations.test_from_engines import every_finding, every_gate

Row = dict[str, Any]
Explain = Callable[[Words, Row], str]

ANNA = {"kind": "user", "id": "1", "name": "Anna", "role": "admin"}
CHECK = {
    "metric": "accuracy",
    "value": 0.81,
    "baseline": 0.87,
    "degradation": 0.06,
    "p_value": 0.0003,
    "samples": 1240,
    "threshold": 0.03,
    "low_power": True,
    "reason": "accuracy 0.81 on 1,240 rows, 0.87 at deployment; …",
}
COMPARED = "accuracy 0.85 against 0.8 of the champion on 600 rows: 0.050 better (90 % …)."
VALIDATION = {
    "verdict": "approved",
    "auto_deployable": True,
    "improvement": 0.05,
    "samples": 600,
    "training_job_id": "7",
    "gates": [],
    "reason": COMPARED,
}
JOB: dict[str, Any] = {
    "stage": "train",
    "attempt": 2,
    "trigger": "schedule",
    "reason": "Schedule 0 */4 * * *",
    "requested_by": ANNA,
    "queued_at": "2026-11-24T08:15:00+00:00",
    "started_at": "2026-11-24T08:15:00+00:00",
    "cancel_requested_at": "2026-11-24T08:15:00+00:00",
    "check_result": CHECK | {"verdict": "healthy", "degradation": -0.01},
    "skip_reason": "cool_down: …",
    "skip_figures": {
        "kind": "cool_down",
        "begun_at": "2026-11-24T08:00:00+00:00",
        "until": "2026-11-24T09:00:00+00:00",
    },
    "error": {"type": "data", "status": 422, "detail": "12 labelled rows; 100 are needed."},
    "result": VALIDATION | {"model_version": 4, "deployed": False},
    "validation": None,
}
DEPLOYMENT = {
    "model_version": 4,
    "status": "retired",
    "ended_at": "2026-11-24T08:15:00+00:00",
    "reference": {"metric": "accuracy"},
    "reason": COMPARED,
    "forced": False,
    "rolled_back_from": None,
    "deployed_by": ANNA,
}


SEEN: dict[str, dict[str, Any]] = {
    "sequential": {
        "level": 7050.0,
        "attempt_level": 1200.0,
        "training_at": 1000,
        "alarm_at": 5000,
        "labels": 900,
    },
    "drift": {
        "rows": 600,
        "alarm": True,
        "starts_training": True,
        "windows_in_alarm": 2,
        "features": [{"column": "price", "severity": "severe"}],
    },
    "estimate": {
        "status": "valid",
        "metric": "accuracy",
        "value": 0.7,
        "rows": 400,
        "outside_band": True,
    },
    "maturity": {"coverage": 0.4, "coverage_needed": 0.8},
}
SKIPPED: list[dict[str, Any]] = [
    {"kind": "not_needed"},
    {
        "kind": "monthly_retraining_budget",
        "begun": 2,
        "budget": 2,
        "until": "2026-12-01T00:00:00+00:00",
    },
    {"kind": "too_few_new_rows", "rows_needed": 200},
]
PLAN = {
    "window_start": "2026-10-24T08:15:00+00:00",
    "window_end": "2026-11-24T08:15:00+00:00",
    "train_rows": 700,
    "calibration_rows": 100,
    "holdout_rows": 200,
    "figures": {
        "newer_rows": 150,
        "window": {
            "known_rows": 800,
            "chosen_rows": 500,
            "validation_rows": 100,
            "candidates": [{}],
        },
    },
}
COMPARISON = {
    "name": "better_than_champion",
    "passed": True,
    "value": 0.05,
    "figures": {
        "metric": "accuracy",
        "outcome": "as_good",
        "samples": 600,
        "margin": 0.015,
        "auto_deployment_threshold": 0.02,
        "rows_missing": 100,
    },
}
JUDGED = VALIDATION | {
    "alpha": 0.01,
    "holdout_use": 2,
    "confidence_interval": [0.03, 0.07],
    "gates": [COMPARISON, COMPARISON | {"name": "size", "passed": False, "dry_run": True}],
}


def whole(explain: Callable[[Words, Row], list[str]]) -> Explain:
    """All sentences; where a row says nothing at all, that it does."""
    return lambda words, row: " ".join(explain(words, row)) or "Nothing."


def stories() -> Iterator[tuple[Explain, Row]]:
    yield whole(explain_evidence), CHECK | {"verdict": "degraded"} | SEEN
    yield whole(explain_window), PLAN
    for rule in ("surely_better", "not_worse", "first_model", "none"):
        for verdict in ("approved", "inconclusive"):
            yield whole(explain_rule), JUDGED | {"rule": rule, "verdict": verdict}
    job = JOB | {
        "status": "succeeded",
        "plan": PLAN,
        "validation": JUDGED | {"rule": "not_worse", "alarm": True},
        "check_result": CHECK | SEEN | {"model_id": "3", "needs_retraining": True},
    }
    yield whole(explain_job_story), job
    for status in ("skipped", "failed", "queued"):
        yield whole(explain_job_story), JOB | {"status": status}
    for figures in SKIPPED:
        yield (
            explain_skip,
            {
                "skip_reason": "…",
                "skip_figures": figures,
                "check_result": CHECK | SEEN | {"needs_retraining": True, "verdict": "degraded"},
            },
        )
    yield (
        whole(explain_decision),
        {
            "kind": "deployment",
            "metric": "accuracy",
            "job": JOB | {"status": "succeeded"},
            "validation": job["validation"],
            "deployments": [DEPLOYMENT | {"replaced_version": 3}],
            "model": {"quarantined_at": "2026-11-24T08:15:00+00:00", "quarantine_reason": "Bad."},
        },
    )
    operation = {"kind": "check", "status": "succeeded"}
    results = [CHECK | SEEN | {"verdict": "degraded", "model_type": "churn"}]
    yield whole(explain_decision), {"operation": operation | {"result": {"results": results}}}


def good_rows() -> Iterator[tuple[Explain, Row]]:
    yield from stories()
    for verdict in ("degraded", "healthy", "inconclusive", "insufficient_data"):
        yield explain_check, CHECK | {"verdict": verdict}
    for gate in every_gate():
        stored = gate.as_json()
        yield explain_gate, stored
        yield explain_validation, VALIDATION | {"verdict": "rejected", "gates": [stored]}
    for verdict in ("approved", "rejected", "inconclusive"):
        yield explain_validation, VALIDATION | {"verdict": verdict}
    for status in ("queued", "running", "succeeded", "failed", "skipped", "cancelled"):
        yield explain_job, JOB | {"status": status}
    yield asked_by, JOB
    for changes in ({}, {"forced": True}, {"rolled_back_from": "3"}):
        yield explain_deployment, DEPLOYMENT | changes
    yield lambda words, row: explain_deployment(words, DEPLOYMENT, validation=row), VALIDATION
    for finding in (f for quality in every_finding() for f in quality.findings):
        yield (
            explain_finding,
            {
                "name": finding.name,
                "column": finding.column,
                "detail": finding.detail,
                "figures": finding.figures,
            },
        )
    for kind in ("performance_degradation", "training_failure", "deployment_issue", "data_quality"):
        yield (
            explain_alert,
            {
                "kind": kind,
                "message": CHECK["reason"],
                "details": {
                    "metric": "accuracy",
                    "current": 0.81,
                    "baseline": 0.87,
                    "samples": 1240,
                    "type": "stale_validation",
                },
                "occurrences": 3,
                "created_at": "2026-11-24T08:15:00+00:00",
                "status": "acknowledged",
                "acknowledged_by": ANNA,
            },
        )
    for action in ("training_job.created", "model.created", "model.updated", "event.notify"):
        yield (
            explain_audit,
            {
                "action": action,
                "actor": ANNA,
                "entity": "model",
                "entity_id": "4",
                "model_type": "churn",
                "after": {"version": 4, "status": "approved", "quarantined_at": "2026-11-24"},
                "detail": {"outcome": "ok"},
            },
        )
