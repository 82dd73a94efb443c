from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.domain import ValidationVerdict
from core.engines.gates import Judged, slices
from core.engines.metrics import Scored, get_metric
from tests.engines.rows import model_type, regression_type

ACCURACY = get_metric("accuracy")


def contest(gains: dict[Any, tuple[int, float]], *, random: Any, disagreement: float = 0.1) -> Any:
    """Two models, and rows of a column "city": for each city its rows and its true gain."""
    ours, theirs, cities = [], [], []
    for city, (count, gain) in gains.items():
        drawn = random.random(count)
        wins, defeats = (disagreement + gain) / 2, (disagreement - gain) / 2
        ours.append(np.where(drawn < wins, 1, np.where(drawn < wins + defeats, 0, 1)))
        theirs.append(np.where(drawn < wins, 0, 1))
        cities += [city] * count
    truth = np.ones(len(cities), dtype=int)
    return (
        Scored(truth=truth, predicted=np.concatenate(ours)),
        Scored(truth=truth, predicted=np.concatenate(theirs)),
        pd.DataFrame({"city": cities}),
    )


def judge(gains: dict[Any, tuple[int, float]], seed: int = 0, **options: Any) -> Judged:
    ours, theirs, frame = contest(gains, random=np.random.default_rng(seed))
    kind = model_type(slice_columns=options.pop("columns", ("city",)))
    return slices(ACCURACY, ours, theirs, frame, kind, alpha=0.05, seed=0, **options)


def test_a_slice_that_gets_worse_fails_the_gate_though_the_whole_gets_better() -> None:
    judged = judge({"Ulm": (3000, 0.08), "Bonn": (400, -0.09)})
    assert judged.verdict is ValidationVerdict.REJECTED
    assert "Worse where city = Bonn" in judged.gate.detail
    assert judged.gate.value == pytest.approx(-0.09, abs=0.04)
    ulm, bonn = judged.gate.figures["slices"]
    assert (ulm["verdict"], bonn["verdict"]) == ("as_good", "worse")
    assert bonn["upper"] < 0 < ulm["lower"]


def test_slices_that_are_as_good_pass() -> None:
    judged = judge({"Ulm": (3000, 0.03), "Bonn": (2000, 0.02)})
    assert judged.gate.passed
    assert (
        judged.gate.detail == "Each of 2 slices is as good as with the champion, to within 0.030."
    )


def test_a_slice_that_few_rows_leave_open_is_no_pass_and_says_how_many_would_decide() -> None:
    judged = judge({"Ulm": (3000, 0.05), "Bonn": (220, -0.01)})
    assert judged.verdict is ValidationVerdict.INCONCLUSIVE
    assert "rows of it would decide" in judged.gate.detail
    bonn = next(one for one in judged.gate.figures["slices"] if one["value"] == "Bonn")
    assert bonn["verdict"] == "undecided"
    assert bonn["rows_needed"] > 220


def test_a_slice_of_fewer_than_200_rows_is_not_assessed_which_is_said() -> None:
    judged = judge({"Ulm": (3000, 0.05), "Bonn": (199, -0.09), None: (20, 0.0)})
    assert judged.gate.passed
    assert "Unassessed, with fewer than 200 common rows: city = Bonn, city = (missing)." in (
        judged.gate.detail
    )
    assert judged.gate.figures["unassessed_rows"] == 219
    none = judge({"Bonn": (150, -0.09)})
    assert none.gate.passed
    assert none.gate.value is None
    assert "No slice has the 200 common rows" in none.gate.detail


def test_a_slice_column_that_is_missing_fails_the_gate() -> None:
    judged = judge({"Ulm": (3000, 0.05)}, columns=("city", "country"))
    assert not judged.gate.passed
    assert judged.gate.figures["missing_columns"] == ["country"]
    assert '"country"' in judged.gate.detail


def test_a_slice_in_which_the_metric_is_not_defined_fails_the_gate() -> None:
    truth = np.array([0] * 300 + [0, 1] * 300)
    proba = np.column_stack([1 - truth, truth]) * 0.8 + 0.1
    scored = Scored(truth=truth, predicted=truth, proba=proba, classes=[0, 1])
    frame = pd.DataFrame({"city": ["Ulm"] * 300 + ["Bonn"] * 600})
    kind = model_type(slice_columns=("city",), metric="roc_auc")
    judged = slices(get_metric("roc_auc"), scored, scored, frame, kind, alpha=0.05, seed=0)
    assert judged.verdict is ValidationVerdict.INCONCLUSIVE
    assert "Where city = Ulm, ROC AUC is not defined on 300 rows." in judged.gate.detail


def test_many_small_values_are_counted_and_not_all_listed() -> None:
    judged = judge({f"city {i}": (10, 0.0) for i in range(60)})
    assert judged.gate.figures["unassessed"] == 60
    assert len(judged.gate.figures["slices"]) == 20


def test_relative_metrics_have_a_relative_margin() -> None:
    random = np.random.default_rng(0)
    truth = random.normal(size=2000)
    noise = random.normal(size=2000)
    ours, theirs = (Scored(truth=truth, predicted=truth + s * noise) for s in (1.02, 1.0))
    frame = pd.DataFrame({"city": ["Ulm"] * 1000 + ["Bonn"] * 1000})
    kind = regression_type(slice_columns=("city",))
    judged = slices(get_metric("mae"), ours, theirs, frame, kind, alpha=0.05, seed=0)
    assert judged.gate.passed
    assert "to within 3.0%" in judged.gate.detail
    worse = Scored(truth=truth, predicted=truth + 1.05 * noise)
    assert not slices(get_metric("mae"), worse, theirs, frame, kind, alpha=0.05, seed=0).gate.passed


def share_passed(gains: dict[Any, tuple[int, float]], runs: int = 300) -> float:
    return sum(judge(gains, seed=seed).gate.passed for seed in range(runs)) / runs


def test_a_slice_worse_by_the_margin_hardly_ever_passes() -> None:
    # At most .05, plus two standard errors (.013 each).
    assert share_passed({"a": (2000, 0.03), "b": (2000, 0.03), "c": (400, -0.03)}) <= 0.076


def test_holm_leaves_a_challenger_that_is_better_everywhere_its_chance() -> None:
    assert share_passed(dict.fromkeys("abcd", (500, 0.03)), runs=150) >= 0.8
