from __future__ import annotations

import pytest

from bench.judgement.promotions import (
    Rule,
    missed_goals,
    naive,
    not_worse,
    share_promoted,
    share_with_reuse,
    stricter,
    surely_better,
)


def test_the_rule_reaches_its_goals_whatever_the_number_of_rows() -> None:
    assert missed_goals(runs=2_000) == []


def test_the_naive_rule_would_not_reach_them() -> None:
    assert share_promoted(naive, rows=100, disagreement=0.10, gain=0.0, runs=2_000) > 0.25
    assert share_promoted(naive, rows=100, disagreement=0.10, gain=-0.01, runs=2_000) > 0.15


@pytest.mark.parametrize("rows", [300, 1_000])
def test_ten_equal_challengers_on_the_same_rows_share_five_per_cent(rows: int) -> None:
    # Two standard errors (.005 each) above the promise.
    spent = share_with_reuse(rows=rows, disagreement=0.10, spending=True, runs=2_000)
    assert spent <= 0.06
    assert share_with_reuse(rows=rows, disagreement=0.10, spending=False, runs=2_000) > 3 * spent


def test_under_an_alarm_better_ones_pass_more_often_and_worse_ones_stay_rare() -> None:
    def share(rule: Rule, gain: float) -> float:
        return share_promoted(rule, rows=500, disagreement=0.10, gain=gain, runs=2_000)

    assert share(not_worse, 0.03) >= 0.85 > share(surely_better, 0.03)
    assert share(not_worse, -0.01) <= 0.08
    # Worse by the margin itself: no more often than the level says.
    assert share(not_worse, -0.015) <= 0.0304 + 0.011
    assert share(stricter, -0.01) <= 0.0304 + 0.011
