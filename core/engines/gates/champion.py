"""The comparison with the champion."""

from __future__ import annotations

from typing import Any

from core.domain import ValidationVerdict
from core.engines.comparison import Comparison
from core.engines.gates.judged import (
    LEAST_COMMON_ROWS,
    Judged,
    comparison_figures,
    in_words,
    judged,
    not_computed,
)
from core.engines.gates.rules import NON_INFERIORITY
from core.engines.metrics import Metric


def first_model() -> Judged:
    """Nothing to compare with yet.

    Returns
    -------
    Judged
        Approved.

    Examples
    --------
    >>> first_model().gate.figures["outcome"]
    'first_model'
    """
    return judged(
        "better_than_champion",
        ValidationVerdict.APPROVED,
        "Skipped: there is no champion yet; the other gates decide.",
        figures={"outcome": "first_model"},
    )


def champion_itself() -> Judged:
    """The model that is judged serves already.

    Returns
    -------
    Judged
        Approved.

    Examples
    --------
    >>> champion_itself().gate.figures["outcome"]
    'champion_itself'
    """
    return judged(
        "better_than_champion",
        ValidationVerdict.APPROVED,
        "Skipped: this is the champion itself, not compared with itself; the other gates decide.",
        figures={"outcome": "champion_itself"},
    )


def not_comparable(reason: str, outcome: str, **figures: Any) -> Judged:
    """The comparison could not be made: that is no pass.

    Parameters
    ----------
    reason : str
        One sentence for a person.
    outcome : str
        The same as a word: ``no_common_rows``, ``champion_not_scored``, ``too_few_rows`` or
        ``not_defined``.
    **figures
        What the sentence was made from.

    Returns
    -------
    Judged
        Inconclusive.

    Examples
    --------
    >>> not_comparable("No row is newer.", "no_common_rows").verdict.value
    'inconclusive'
    """
    return judged(
        "better_than_champion",
        ValidationVerdict.INCONCLUSIVE,
        reason,
        threshold=-NON_INFERIORITY,
        figures={"outcome": outcome} | figures,
    )


def too_few(units: int, what: str) -> Judged:
    """Too few rows, or entities, that are new to both models.

    Parameters
    ----------
    units : int
        How many there are.
    what : str
        ``rows`` or ``entities``.

    Returns
    -------
    Judged
        Inconclusive.

    Examples
    --------
    >>> too_few(12, "rows").gate.detail
    'Only 12 rows are newer than what both models learnt from; 30 are needed to compare them.'
    """
    return not_comparable(
        f"Only {units:,} {what} are newer than what both models learnt from; {LEAST_COMMON_ROWS} "
        "are needed to compare them.",
        "too_few_rows",
        samples=units,
        counted=what,
        samples_needed=LEAST_COMMON_ROWS,
    )


def better_than_champion(
    metric: Metric, against: Comparison, threshold: float, *, holdout_use: int = 1
) -> Judged:
    """Not worse than the champion by more than the margin of non-inferiority.

    Surely worse is rejected, even within the margin: there is no reason to prefer it. What is
    neither is inconclusive, with the number of rows that would decide.

    Parameters
    ----------
    metric : Metric
    against : Comparison
    threshold : float
        The model type's ``auto_deployment_threshold``.
    holdout_use : int
        The how-manieth time that these rows judge; ``against.alpha`` follows from it.

    Returns
    -------
    Judged
        Its value is the improvement, in points or as a share of the champion's metric; inconclusive
        too where the metric is not defined or fewer than 30 rows, or entities, were compared.

    Examples
    --------
    >>> from core.engines.metrics import get_metric
    >>> equal = Comparison(challenger=0.8, champion=0.8, improvement=0.0, lower=-0.01, upper=0.01,
    ...                    p_value=0.5, samples=2500)
    >>> better_than_champion(get_metric("accuracy"), equal, 0.02).verdict.value
    'approved'
    """
    if against.units < LEAST_COMMON_ROWS:
        return too_few(against.units, "rows" if against.entities is None else "entities")
    figures = comparison_figures(metric, against) | {
        "margin": NON_INFERIORITY,
        "auto_deployment_threshold": threshold,
        "holdout_use": holdout_use,
    }
    if not against.is_defined:
        return not_comparable(not_computed(metric), "not_defined", **figures)
    detail = f"{in_words(metric, against, 'the champion')}."
    if holdout_use > 1:
        detail += f" Use {holdout_use} of the same rows, which asks for a surer proof."
    if against.upper < 0:
        verdict, outcome = ValidationVerdict.REJECTED, "worse"
        detail += " It is worse."
    elif against.lower > -NON_INFERIORITY:
        verdict, outcome = ValidationVerdict.APPROVED, "as_good"
    else:
        verdict, outcome = ValidationVerdict.INCONCLUSIVE, "undecided"
        figures["rows_needed"] = rows_needed(against, threshold)
        figures["rows_missing"] = figures["rows_needed"] - against.samples
        detail += (
            f" That does not decide; about {figures['rows_needed']:,} common rows would, "
            f"{figures['rows_missing']:,} more."
        )
    return judged(
        "better_than_champion",
        verdict,
        detail,
        value=against.improvement,
        threshold=-NON_INFERIORITY,
        interval=(against.lower, against.upper),
        figures=figures | {"outcome": outcome},
    )


def rows_needed(against: Comparison, threshold: float) -> int:
    """How many common rows would decide an inconclusive comparison.

    Those that tell a gain of ``threshold`` from none. Where there are as many already, the truth
    lies close to a limit, and it takes those that tell the gain, as it looks now, from the
    nearest one.

    Parameters
    ----------
    against : Comparison
    threshold : float
        The model type's ``auto_deployment_threshold``; 0 stands for the margin of non-inferiority.

    Returns
    -------
    int
        By the formula of :func:`core.engines.paired_tests.rows_to_tell`.

    Examples
    --------
    >>> wide = Comparison(challenger=0.8, champion=0.8, improvement=0.0, lower=-0.0521,
    ...                   upper=0.0521, p_value=0.5, samples=100)
    >>> rows_needed(wide, 0.02)
    1549
    """
    wished = against.rows_that_decide(threshold or NON_INFERIORITY)
    if wished > against.samples:
        return wished
    nearest = max(abs(against.improvement), against.improvement + NON_INFERIORITY)
    return max(against.rows_that_decide(nearest), against.samples + 1)
