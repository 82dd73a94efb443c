"""What a check found, in one sentence for a person."""

from __future__ import annotations

from core.domain import PerformanceCheck, SequentialTest


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
    """1 in N, with two leading digits.

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


def with_more(check: PerformanceCheck, *more: str) -> str:
    """The check's reason with further sentences.

    Parameters
    ----------
    check : PerformanceCheck
    *more : str
        Sentences; empty ones are left out.

    Examples
    --------
    >>> from core.engines.metrics import get_metric
    >>> from core.monitoring.single_look import without_verdict
    >>> check = without_verdict(get_metric("accuracy"), None, 0.03, 0, "No label has come.")
    >>> with_more(check, "", "One column drifts.")
    'No label has come. One column drifts.'
    """
    return " ".join([check.reason, *(sentence for sentence in more if sentence)])
