"""A model type that was watched for weeks: what checks and a validation store, by SQL alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from core.domain import (
    DataQuality,
    Gate,
    ModelType,
    OperationKind,
    QualityFinding,
    Task,
)
from core.domain.monitoring import ColumnDrift, DriftReport, LabelFreeEstimate, SequentialTest
from core.domain.words import DriftSeverity, EstimateStatus
from core.engines import gates
from core.engines.comparison import compare
from core.engines.metrics import Scored, get_metric
from tests.database.factories import WINDOW_END, Row, Scene, check_of, judgement, monitor_state

DAY = timedelta(days=1)
FEATURES = ("plan", "visits", "days_since_last_order")


def moment(day: int) -> datetime:
    return WINDOW_END + (7 + day) * DAY


def level(value: float, attempt: float, *, labels: int) -> Row:
    return SequentialTest(
        level=value, attempt_level=attempt, training_at=1000.0, alarm_at=5000.0, limit=0.2,
        labels=labels, new_labels=40,
    ).as_json()  # fmt: skip


def column(name: str, effect: float, *, importance: float | None = None, **changes: Any) -> Any:
    """One with the severity that its effect has: from 0.2 on a warning, from 0.4 on severe."""
    severity = DriftSeverity.NONE
    if effect >= 0.2:
        severity = DriftSeverity.SEVERE if effect >= 0.4 else DriftSeverity.WARNING
    values: Row = {
        "column": name, "kind": "numeric", "test": "kolmogorov_smirnov", "p_value": 0.004,
        "q_value": 0.012, "effect": effect, "effect_name": "psi", "severity": severity,
        "importance": importance, "missing_before": 0.0, "missing_now": 0.02,
        "new_categories": 0.0, "effect_needed": 0.2,
    }  # fmt: skip
    return ColumnDrift(**{**values, **changes})


def drift(day: int, effect: float, *, windows: int = 0, rows: int = 640) -> Row:
    """A window in which visits have moved so far: more than half of the importance."""
    alarm = effect >= 0.2
    return DriftReport(
        window_start=moment(day) - DAY,
        window_end=moment(day),
        rows=rows,
        features=(
            column("visits", effect, importance=0.61),
            column("plan", 0.03, importance=0.3),
            column("days_since_last_order", 0.12, importance=0.09),
        ),
        target=column("target", 0.05),
        prediction=column("prediction", effect / 2),
        drifted_importance=0.61 if alarm else 0.0,
        alarm=alarm,
        windows_in_alarm=windows,
        starts_training=windows >= 2,
        reason="What the figures say.",
    ).as_json()


def estimate(value: float | None, **changes: Any) -> Row:
    given: Row = {
        "status": EstimateStatus.VALID, "metric": "accuracy", "value": value,
        "band": (0.78, 0.84), "rows": 640, "outside_band": value is not None and value < 0.78,
        "domain_auc": 0.55, "mean_error": 0.008, "scored_chunks": 3, "reason": "As said.",
    }  # fmt: skip
    return LabelFreeEstimate(**{**given, **changes}).as_json()


def check(scene: Scene, champion: Row, day: int, verdict: str = "healthy", **found: Any) -> None:
    """A check as of a day, which leaves one state behind after the other."""
    operation = scene.running_operation(
        OperationKind.CHECK, model_types=[champion["model_type"]], as_of=moment(day)
    )
    state = monitor_state(day or None, days=7 + day)
    found = check_of(champion, verdict, monitor=state, **found)
    outcome = {"status": "succeeded", "results": [found]}
    assert scene.store.finish_operation(operation, outcome)["status"] == "succeeded"


def judged_gates() -> list[Gate]:
    """Real gates: a challenger that is better, but not for customers of the plan “flex”."""
    random = np.random.default_rng(3)
    rows = pd.DataFrame({"plan": np.repeat(["basic", "flex", "rare"], [700, 400, 60])})
    truth = random.integers(0, 2, len(rows))
    before = np.where(random.random(len(rows)) < 0.78, truth, 1 - truth)
    right = np.where(rows["plan"] == "flex", 0.70, 0.86)
    after = np.where(random.random(len(rows)) < right, truth, 1 - truth)
    challenger, champion = (_scored(truth, predicted) for predicted in (after, before))
    metric = get_metric("accuracy")
    model_type = ModelType(
        name="churn", source_relation="public.customers", key_columns=("id",), time_column="at",
        target_column="left_us", feature_columns=FEATURES, task=Task.CLASSIFICATION,
        metric="accuracy", slice_columns=("plan",), latency_budget_ms=20.0,
    )  # fmt: skip
    against = compare(metric, challenger, champion, seed=0)
    judged = (
        gates.enough_rows(5000, len(rows), model_type),
        gates.beats_baseline(metric, challenger, truth, seed=0),
        gates.latency(3.2, model_type),
        gates.better_than_champion(metric, against, 0.02),
        gates.calibration(challenger, champion, alpha=0.05, seed=0),
        gates.slices(metric, challenger, champion, rows, model_type, alpha=0.05, seed=0),
    )
    return [one.gate for one in judged]


def _scored(truth: Any, predicted: Any) -> Scored:
    sure = np.where(predicted == 1, 0.8, 0.2)
    return Scored(
        truth=truth, predicted=predicted, proba=np.column_stack([1 - sure, sure]), classes=[0, 1]
    )


def quality() -> Row:
    """A training set with something that blocks, and something to know."""
    return DataQuality(
        score=0.72,
        rows=5000,
        missing_share=0.03,
        duplicate_rows=0,
        findings=(
            QualityFinding(
                name="constant_column", column="plan", blocking=False,
                detail='"plan" has the same value in every row.',
            ),
            QualityFinding(
                name="all_missing_column", column="visits", blocking=True,
                detail='"visits" has no value in any row.',
            ),
        ),
    ).as_json()  # fmt: skip


def watched(scene: Scene, name: str) -> Row:
    """Three weeks: calm, then visits move, then outcomes show that the model got worse."""
    scene.model_type(name, replay=True, title="Who will leave")
    champion = scene.champion(name, text=f"champion of {name}")
    effects = [0.02, 0.03, 0.11, 0.05, 0.24, 0.45]
    levels = [1.4, 12.0, 6.0, 90.0, 1400.0, 6200.0]
    windows = [0, 0, 0, 0, 1, 2]
    values = [0.81, 0.82, 0.80, 0.795, 0.77, None]
    for day, (effect, height, alarms, value) in enumerate(
        zip(effects, levels, windows, values, strict=True)
    ):
        found = estimate(value)
        if value is None:
            found = estimate(None, status=EstimateStatus.INVALID, band=None, domain_auc=0.93)
        check(
            scene, champion, day, "degraded" if height >= 5000 else "healthy",
            sequential=level(height, height / 2, labels=320 + 40 * day),
            drift=drift(day, effect, windows=alarms), estimate=found,
            quality=quality() if day == 5 else None,
        )  # fmt: skip
    made = [gate.as_json() for gate in judged_gates()]
    scene.trained(
        name,
        f"challenger of {name}",
        validation=judgement(
            "rejected", champion_deployment_id=str(champion["id"]), gates=made, improvement=0.02
        ),
    )
    return champion
