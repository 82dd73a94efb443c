"""Differences of any metric, one of the user's own too, in both languages."""

from __future__ import annotations

from typing import Any

import pytest

from core.engines.metrics import METRICS, SMALLEST, Metric, degradation, get_metric
from core.explanations import metrics
from core.explanations.alerts import explain_alert
from core.explanations.changes import change_of_check
from core.explanations.checks import explain_check
from core.explanations.gates import explain_gate
from core.explanations.metrics import is_higher_better, is_in_points, is_known, show_change
from core.explanations.rules import explain_rule
from core.explanations.validations import explain_validation
from core.explanations.words import ENGLISH
from tests.explanations.plain import LANGUAGES, is_free_of_jargon

Row = dict[str, Any]

PROFIT = "acme.metrics:profit"


class Own:
    """A metric of one's own; only what it says of itself matters here."""

    def __init__(self, *, higher: bool, in_points: bool) -> None:
        self.greater_is_better = higher
        self.in_points = in_points
        self.label = "profit"

    def __call__(self, *rows: Any) -> float:
        raise NotImplementedError


def own(*, higher: bool = True, in_points: bool = False) -> Metric:
    return get_metric(PROFIT, custom={PROFIT: Own(higher=higher, in_points=in_points)})


def checked(metric: Metric, baseline: float, current: float, **changes: Any) -> Row:
    """A check's row as the engines and the database keep it."""
    return {
        "verdict": "degraded",
        "metric": metric.name,
        "baseline": baseline,
        "value": current,
        "degradation": float(degradation(metric, baseline, current)),
        "samples": 400,
        "threshold": 0.03,
        "figures": metric.figures,
        **changes,
    }


def gate(metric: Metric, theirs: float, ours: float, *, passed: bool = True) -> Row:
    improvement = -float(degradation(metric, theirs, ours))
    return {
        "name": "better_than_champion",
        "passed": passed,
        "value": improvement,
        "figures": metric.figures
        | {
            "challenger": ours,
            "champion": theirs,
            "samples": 300,
            "outcome": "as_good" if passed else "worse",
            "auto_deployment_threshold": 0.02,
        },
    }


@pytest.mark.parametrize("higher", [True, False])
@pytest.mark.parametrize("in_points", [True, False])
def test_which_way_is_better_comes_from_the_stored_figures(higher: bool, in_points: bool) -> None:
    figures = own(higher=higher, in_points=in_points).figures
    assert is_higher_better(PROFIT, figures) is higher
    assert is_in_points(PROFIT, figures) is in_points
    # One of Refit's own stays what it is, whatever a row claims.
    assert is_higher_better("mae", {"higher_is_better": True}) is False
    assert is_in_points("accuracy", {"in_points": False}) is True


def test_what_is_known_of_metrics_is_what_the_engines_know() -> None:
    assert all(is_known(name) for name in METRICS)
    assert not is_known(PROFIT)
    assert metrics.SMALLEST == SMALLEST


@pytest.mark.parametrize(
    ("in_points", "baseline", "current", "amount"),
    [
        (True, 12.5, 7.2, "5.3"),  # as they are: not "530 points"
        (False, 12.5, 10.0, "20%"),
        (False, 0.001, -0.479, "0.48"),  # not "48,000%"
        (False, 0.0, -0.3, "0.3"),
        (False, -2.0, -3.0, "1"),  # of −2 a half, of −3 a third: neither is told
    ],
)
def test_a_drop_of_ones_own_metric_is_told_by_its_own_scale(
    in_points: bool, baseline: float, current: float, amount: str
) -> None:
    told = explain_check(ENGLISH, checked(own(in_points=in_points), baseline, current))
    assert told.startswith("profit: ")
    assert f"That is {amount} worse." in told


@pytest.mark.parametrize("locale", LANGUAGES)
def test_no_share_of_nearly_nothing_is_told(locale: str) -> None:
    words = LANGUAGES[locale]
    point = {"en": "0.48", "nl": "0,48"}[locale]
    metric = own()
    check = checked(metric, 0.001, -0.479)
    better, worse = gate(metric, 0.001, 0.481), gate(metric, 0.001, -0.479, passed=False)
    validation = {
        "verdict": "approved",
        "auto_deployable": True,
        "rule": "surely_better",
        "improvement": better["value"],
        "confidence_interval": [0.25, 1.4],
        "gates": [better],
    }
    rejected = validation | {"verdict": "rejected", "auto_deployable": False, "gates": [worse]}
    told = [
        explain_check(words, check),
        explain_gate(words, better, metric=PROFIT),
        explain_gate(words, worse, metric=PROFIT),
        explain_validation(words, validation, metric=PROFIT),
        explain_validation(words, rejected, metric=PROFIT),
    ]
    for sentence in told:
        assert point in is_free_of_jargon(sentence)
        assert "%" not in sentence, sentence
    (rule,) = explain_rule(words, validation, metric=PROFIT)
    lower = {"en": "better by 0.12 or more", "nl": "0,12"}[locale]
    assert lower in rule
    assert {"en": "at least the 0.00962 that", "nl": "0,00962"}[locale] in rule


@pytest.mark.parametrize("locale", LANGUAGES)
def test_a_share_without_its_values_is_told_as_over_so_much(locale: str) -> None:
    words = LANGUAGES[locale]
    shown = {"en": "over 1,000%", "nl": "meer dan 1.000%"}[locale]
    assert show_change(words, "mae", 480.0) == shown
    assert show_change(words, "mae", 2.5) == "250%"


def test_an_error_that_was_next_to_nothing_is_told_as_it_is() -> None:
    told = explain_check(ENGLISH, checked(get_metric("mae"), 0.001, 0.481))
    assert "That is 0.48 worse." in told
    usual = explain_check(ENGLISH, checked(get_metric("mae"), 2.0, 2.5))
    assert "That is 25% worse." in usual


def test_a_share_of_zero_is_counted_from_both_values() -> None:
    check = checked(get_metric("mae"), 0.0, 0.5)
    assert check["degradation"] > 1e15
    change = change_of_check(check)
    assert change.value is not None
    assert change.value > 0
    assert change.show(ENGLISH) == "0.5"
    better = change_of_check(checked(own(), 0.0, 0.5))
    assert better.value is not None
    assert better.value < 0


def test_a_threshold_beside_an_absolute_drop_is_told_alike() -> None:
    doubt = checked(own(), 0.01, -0.19, verdict="inconclusive", threshold=1.5)
    assert explain_check(ENGLISH, doubt).endswith(
        "It seems 0.2 worse, less than the 0.285 that would matter; more new cases will tell."
    )


def test_an_average_share_of_errors_is_told_in_points_where_it_was_nothing() -> None:
    check = checked(get_metric("mape"), 0.001, 0.25)
    assert "That is 24.9 points worse." in explain_check(ENGLISH, check)


def test_an_alert_names_ones_own_metric_by_its_label() -> None:
    details = {"metric": PROFIT, "current": 7.2, "baseline": 12.5, "samples": 400}
    alert = {
        "kind": "performance_degradation",
        "message": "…",
        "details": details | {"figures": own().figures},
    }
    assert explain_alert(ENGLISH, alert) == ("profit: 7.2 on 400 new cases, compared with 12.5.")
