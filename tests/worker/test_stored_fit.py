"""What a stored fit costs where it serves, and which refit may not."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from core.domain import Gate
from core.engines.fitted_model import FittedModel
from core.worker.recorded_predictions import record_predictions
from core.worker.stored_fit import StoredFit, judge_refit, measure_stored
from tests.engines.rows import model_type, rows

FRAME = rows(200)
AGREES = Gate(
    name="final_fit_agreement",
    passed=True,
    value=0.98,
    threshold=0.7,
    detail="The same answer.",
    figures={"samples": 200},
)


class Unhurried(LogisticRegression):  # type: ignore[misc]
    """Takes its time over how sure it is."""

    def predict_proba(self, X: Any) -> Any:
        time.sleep(0.02)
        return super().predict_proba(X)


class Undecided(LogisticRegression):  # type: ignore[misc]
    """Cannot say how sure it is."""

    def predict_proba(self, X: Any) -> Any:  # noqa: ARG002
        raise AttributeError("'LogisticRegression' object has no attribute 'multi_class'")


def fitted(estimator: Any) -> FittedModel:
    return FittedModel(
        pipeline=estimator.fit(FRAME[["a", "b"]], FRAME["y"]),
        task="classification",
        target_column="y",
        feature_columns=["a", "b"],
        column_kinds={"a": "numeric", "b": "numeric"},
        classes=[0, 1],
    )


def measured(estimator: Any) -> StoredFit:
    model = fitted(estimator)
    page = {"recorded": record_predictions(model, FRAME), "size_bytes": 2_000_000}
    return measure_stored(model, page, FRAME[:50])


def test_the_time_of_a_prediction_is_that_of_what_serving_asks() -> None:
    stored = measured(Unhurried())
    assert stored.reproduction.is_exact
    assert stored.latency_ms is not None
    assert stored.latency_ms >= 20


def test_a_fit_that_cannot_answer_what_serving_asks_does_not_repeat_its_predictions() -> None:
    stored = measured(Undecided())
    assert stored.latency_ms is None
    assert not stored.reproduction.is_exact
    refusal = judge_refit(AGREES, stored, model_type())
    assert not refusal.passed
    assert "no attribute 'multi_class'" in refusal.detail
    assert refusal.figures["refused_by"] == "artifact_reproduces"


@pytest.mark.parametrize(
    ("changes", "by"),
    [
        ({}, None),
        ({"latency_budget_ms": 50.0, "size_budget_mb": 2.0}, None),
        ({"latency_budget_ms": 5.0}, "latency"),
        ({"size_budget_mb": 1.0}, "size"),
        ({"latency_budget_ms": 5.0, "dry_run_gates": ("latency",)}, None),
        ({"latency_budget_ms": 5.0, "size_budget_mb": 1.0, "dry_run_gates": ("latency",)}, "size"),
    ],
)
def test_a_refit_keeps_to_the_budgets_that_block(changes: dict[str, Any], by: str | None) -> None:
    stored = replace(measured(LogisticRegression()), latency_ms=12.0)

    found = judge_refit(AGREES, stored, model_type(**changes))

    if by is None:
        assert found == AGREES
        return
    assert (found.name, found.passed, found.value) == ("final_fit_agreement", False, None)
    assert (found.figures["samples"], found.figures["refused_by"]) == (200, by)
    assert "are allowed" in found.detail


def test_a_refit_that_repeats_nothing_is_refused_whatever_it_costs() -> None:
    stored = measured(LogisticRegression())
    other = replace(stored.reproduction, reloaded=1 - np.asarray(stored.reproduction.reloaded))

    found = judge_refit(AGREES, replace(stored, reproduction=other), model_type())

    assert not found.passed
    assert "does not repeat its predictions." in found.detail
