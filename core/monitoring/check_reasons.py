"""What a check found, in one sentence for a person."""

from __future__ import annotations

from datetime import datetime

from core.domain import Maturity, PerformanceCheck, SequentialTest
from core.monitoring.label_gap import LabelGap


def values_in_words(
    label: str,
    *,
    current: float,
    rows: int,
    baseline: float,
    p_value: float | None,
    strict_because_of: int | None = None,
) -> str:
    """The metric now and at deployment, and how likely the drop is chance; no full stop.

    Parameters
    ----------
    label : str
        The metric's, for people.
    current, baseline : float
    rows : int
        That ``current`` was measured on.
    p_value : float or None
        One-sided; None where there is no drop.
    strict_because_of : int or None
        Rows of the reference where these are few.

    Returns
    -------
    str
        Values with three digits; the odds (:func:`odds`) where ``p_value`` is there.

    Examples
    --------
    >>> values_in_words("accuracy", current=0.81, rows=1240, baseline=0.87, p_value=0.00033)
    'accuracy 0.81 on 1,240 rows, 0.87 at deployment; a drop this size by chance: 1 in 3,000'
    """
    values = f"{label} {current:.3g} on {rows:,} rows, {baseline:.3g} at deployment"
    if p_value is None:
        return values
    weak = ""
    if strict_because_of is not None:
        weak = f" (only {strict_because_of:,} rows at deployment: stricter)"
    return f"{values}; a drop this size by chance: {odds(p_value)}{weak}"


def odds(p_value: float) -> str:
    """A chance as 1 in N.

    Parameters
    ----------
    p_value : float
        In [0, 1].

    Returns
    -------
    str
        N with two leading digits, at most 1,000,000.

    Examples
    --------
    >>> odds(0.00033), odds(0.4), odds(0.0)
    ('1 in 3,000', '1 in 2.5', 'less than 1 in 1,000,000')
    """
    if p_value < 1e-6:
        return "less than 1 in 1,000,000"
    times = 1 / p_value
    return f"1 in {times:,.1f}" if times < 10 else f"1 in {float(f'{times:.2g}'):,.0f}"


def levels_in_words(test: SequentialTest) -> str:
    """What the sequential test's levels say; no full stop.

    A level of c is reached by chance once in c labels or more, on average.

    Parameters
    ----------
    test : SequentialTest
        As the check leaves it.

    Returns
    -------
    str
        Which of the levels has reached what: the alarm, a training, or neither.

    Examples
    --------
    >>> levels_in_words(SequentialTest(
    ...     level=7200.0, attempt_level=7200.0, training_at=1000, alarm_at=5000, limit=0.2,
    ...     labels=900, new_labels=40,
    ... ))
    'the 900 labels since deployment prove it (level 7,200, alarm at 5,000)'
    """
    since = f"the {test.labels:,} labels since deployment"
    if test.level >= test.alarm_at:
        return f"{since} prove it (level {test.level:,.0f}, alarm at {test.alarm_at:,.0f})"
    if test.attempt_level >= test.training_at:
        return (
            f"{since} make a real drop likely enough to train anew (level "
            f"{test.attempt_level:,.0f}, training at {test.training_at:,.0f})"
        )
    if test.level >= test.training_at:
        return (
            f"{since} make a real drop likely (level {test.level:,.0f}), but a training has been "
            "tried since; more labels will show"
        )
    return (
        f"{since} show no drop that matters (level {test.level:,.0f}, training at "
        f"{test.training_at:,.0f})"
    )


def too_few_known_in_words(
    maturity: Maturity, gap: LabelGap, *, target: str, as_of: datetime
) -> str:
    """Why the labels that are there are not counted, and what to do when that lasts.

    Parameters
    ----------
    maturity : Maturity
        With a coverage below the one that is needed.
    gap : LabelGap
    target : str
        The target's column.
    as_of : datetime

    Returns
    -------
    str
        One sentence; three once the gap is longer than labels are waited for.

    Examples
    --------
    >>> few = Maturity(delay_seconds=0.0, matured_rows=300, coverage=0.5, coverage_needed=0.8)
    >>> gap = LabelGap(counted_until=datetime(2026, 1, 2))
    >>> said = too_few_known_in_words(few, gap, target="paid", as_of=datetime(2026, 1, 3))
    >>> said.partition(";")[0]
    'Only 50% of the 300 rows that are old enough have their label'
    """
    says = (
        f"Only {maturity.coverage:.0%} of the {maturity.matured_rows:,} rows that are old "
        f"enough have their label; {maturity.coverage_needed:.0%} are needed for the labels to "
        "speak for all rows."
    )
    if not gap.is_long(as_of):
        return says
    return (
        f"{says} So none has been counted since {gap.counted_until:%Y-%m-%d}. See to it that "
        f'"{target}" is filled in again; if from now on that few labels are usual, train a new '
        "model, which takes their share as its measure."
    )


def with_more(check: PerformanceCheck, *more: str) -> str:
    """The check's reason with further sentences.

    Parameters
    ----------
    check : PerformanceCheck
    *more : str
        Sentences; empty ones are left out.

    Returns
    -------
    str

    Examples
    --------
    >>> from core.engines.metrics import get_metric
    >>> from core.monitoring.single_look import without_verdict
    >>> check = without_verdict(get_metric("accuracy"), None, 0.03, 0, "No label has come.",
    ...                         outcome="too_few_rows")
    >>> with_more(check, "", "One column drifts.")
    'No label has come. One column drifts.'
    """
    return " ".join([check.reason, *(sentence for sentence in more if sentence)])
