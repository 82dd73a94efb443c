"""Beside each sentence stand the figures that it was made from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from core.explanations.validations import deciding_gate
from tests.database.factories import Row, Scene, check_of, judgement, trained_model

FIGURES = {"metric": "acme:profit", "label": "profit", "higher_is_better": True, "in_points": True}
COMPARISON = {
    "name": "better_than_champion",
    "passed": True,
    "detail": "Better.",
    "figures": {"metric": "accuracy", "champion": 0.8, "challenger": 0.85},
}
SLICES = {
    "name": "slices",
    "passed": False,
    "detail": "Worse.",
    "figures": {"metric": "accuracy", "slices": [{"column": "city"}]},
}
TRIAL = {"name": "size", "passed": False, "detail": "Large.", "dry_run": True}
SLOW = {"name": "latency", "passed": False, "detail": "Slow.", "dry_run": False}


def refused(scene: Scene) -> tuple[Row, Row]:
    """What a second training was answered, and the job that it ended."""
    first = scene.running_job(force=True)
    if scene.store.begin_training(first)["allowed"]:
        scene.store.finish_training_job(first, {"status": "cancelled"})
    second = scene.running_job(force=True)
    answer = scene.store.begin_training(second)
    outcome = {"skip_reason": answer["reason"], "skip_figures": answer["figures"]}
    return answer, scene.store.finish_training_job(second, {"status": "skipped"} | outcome)


def test_a_cool_down_is_kept_in_figures_and_told_by_every_read_of_the_job(scene: Scene) -> None:
    scene.model_type()
    answer, ended = refused(scene)
    figures = answer["figures"]

    assert set(figures) == {"kind", "begun_at", "until"}
    assert figures["kind"] == "cool_down"
    assert datetime.fromisoformat(figures["until"]) == datetime.fromisoformat(answer["until"])
    pause = datetime.fromisoformat(figures["until"]) - datetime.fromisoformat(figures["begun_at"])
    assert pause.total_seconds() == 3600
    found = scene.store.get_training_job(ended["id"])
    (listed, _cancelled) = scene.store.list_training_jobs()["items"]
    told = scene.store.explain_decision(ended["id"])["job"]
    for job in (ended, found, listed, told):
        assert job["skip_figures"] == figures


def test_a_budget_that_is_used_up_is_kept_in_figures(scene: Scene) -> None:
    scene.model_type(cool_down="0", monthly_retraining_budget=1)
    _answer, ended = refused(scene)
    figures = ended["skip_figures"]

    assert (figures["kind"], figures["begun"], figures["budget"]) == (
        "monthly_retraining_budget",
        1,
        1,
    )
    until = datetime.fromisoformat(figures["until"]).astimezone(UTC)
    assert (until.day, until.hour) == (1, 0)


def test_a_worker_of_an_earlier_version_keeps_no_figures(scene: Scene) -> None:
    scene.model_type()
    job = scene.running_job()
    ended = scene.store.finish_training_job(job, {"status": "skipped", "skip_reason": "Healthy."})

    assert (ended["skip_reason"], ended["skip_figures"]) == ("Healthy.", None)


def test_figures_of_a_skip_have_a_kind(scene: Scene) -> None:
    scene.model_type()
    job = scene.queued_job()

    with pytest.raises(psycopg.errors.CheckViolation):
        scene.row("update ml_training_jobs set skip_figures = '{}' where id = %s returning id", job)


def test_a_checks_figures_are_told_wherever_its_metric_is(scene: Scene) -> None:
    scene.model_type()
    champion = scene.champion()
    job = scene.running_job()
    check = check_of(champion, figures=FIGURES)
    scene.store.finish_training_job(job, {"status": "cancelled", "check": check})

    (metric,) = scene.store.list_metrics()["items"]
    (alert,) = scene.store.list_alerts()["items"]
    (card,) = scene.store.get_overview()["model_types"]
    (point,) = scene.store.get_performance_series("churn")["points"]
    (drawn,) = card["checks"]
    for told in (metric, alert["details"], card["latest_check"], drawn, point):
        assert told["figures"] == FIGURES


def test_a_check_of_a_worker_of_an_earlier_version_has_none(scene: Scene) -> None:
    scene.model_type()
    check = check_of(scene.champion())
    scene.store.finish_training_job(scene.running_job(), {"status": "cancelled", "check": check})

    (metric,) = scene.store.list_metrics()["items"]
    assert metric["figures"] == {}


@pytest.mark.parametrize(
    ("verdict", "reason", "gates", "name"),
    [
        ("approved", "Better.", [TRIAL, COMPARISON], "better_than_champion"),
        ("rejected", "Slow.", [TRIAL, SLICES, SLOW], "latency"),
        ("rejected", "Another.", [COMPARISON, TRIAL, SLICES, SLOW], "slices"),
        ("approved", "First model.", [TRIAL], None),
    ],
)
def test_a_jobs_result_holds_the_gate_that_decided(
    scene: Scene, verdict: str, reason: str, gates: list[Row], name: str | None
) -> None:
    scene.model_type()
    made: dict[str, Any] = judgement(verdict, reason=reason, gates=gates, auto_deployable=False)
    outcome = {"status": "succeeded", "model": trained_model("m"), "validation": made}
    ended = scene.store.finish_training_job(scene.running_job(force=True), outcome)

    found, expected = ended["result"]["deciding_gate"], deciding_gate(made)
    assert (found and found["name"]) == name == (expected and expected["name"])
    if found:
        assert "slices" not in found.get("figures", {})
