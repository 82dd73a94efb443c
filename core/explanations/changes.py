"""A stored difference between two values of a metric, and how it is written.

Differences are stored in points or as a share of the earlier value; of a metric of the user's own,
which may be 0 or less, as a share of the larger one. Where people would not take the share for what
it is, or it would say nothing ("48,000% worse"), the difference itself is written.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.explanations.metrics import LARGEST_SHARE, SMALLEST, is_in_points, is_known, show_change
from core.explanations.rows import Row, figure, part, parts, text
from core.explanations.words import Words


@dataclass(frozen=True, kw_only=True)
class Change:
    """A difference as stored, and what it takes to write it and others beside it.

    ``whole`` is what shares were taken of where differences are written as they are; None where
    they are written as shares or points.
    """

    value: float | None
    metric: str | None
    in_points: bool
    whole: float | None = None

    def show(self, words: Words) -> str:
        """The difference without its sign."""
        return self.show_other(words, self.value)

    def show_other(self, words: Words, value: float | None) -> str:
        """Another one of the same kind, such as what it is held against, written alike."""
        return show_change(words, self.metric, value, in_points=self.in_points, whole=self.whole)


def change_of_check(check: Row) -> Change:
    """How much worse a check found the metric; ``value`` ≤ 0: not at all.

    Parameters
    ----------
    check : mapping
        As :func:`core.explanations.checks.explain_check` takes it.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> change_of_check({"metric": "mae", "baseline": 0.001, "current": 0.481,
    ...                  "degradation": 480.0}).show(ENGLISH)
    '0.48'
    >>> change_of_check({"metric": "acme.metrics:profit", "degradation": 5.3,
    ...                  "figures": {"in_points": True}}).show(ENGLISH)
    '5.3'
    """
    now = figure(check, "value")
    return _change(
        check,
        "degradation",
        figures=part(check, "figures"),
        metric=text(check, "metric") or None,
        before=figure(check, "baseline"),
        after=figure(check, "current") if now is None else now,
    )


def change_of_gate(gate: Row, metric: str | None) -> Change:
    """How much better a gate found the new model than what it is compared with.

    Parameters
    ----------
    gate : mapping
        Of a validation's ``gates``.
    metric : str or None
        What the model type is measured by.
    """
    return _of_comparison(gate, "value", part(gate, "figures"), metric)


def change_of_slice(one: Row, figures: Row, metric: str | None) -> Change:
    """How much better the new model is in one group of cases.

    Parameters
    ----------
    one : mapping
        Of the gate's ``slices``.
    figures : mapping
        The gate's.
    metric : str or None
    """
    return _of_comparison(one, "improvement", figures, metric, values=one)


def change_of_validation(validation: Row, metric: str | None) -> Change:
    """How much better a new model is than the one in use, by its validation.

    Parameters
    ----------
    validation : mapping
        A validation's row; or a job's ``result``, which has its ``deciding_gate`` alone.
    metric : str or None
    """
    gates = [*parts(validation, "gates"), part(validation, "deciding_gate")]
    gate = next((one for one in gates if text(one, "name") == "better_than_champion"), {})
    return _of_comparison(validation, "improvement", part(gate, "figures"), metric)


def _of_comparison(
    row: Row, name: str, figures: Row, metric: str | None, *, values: Row | None = None
) -> Change:
    compared = figures if values is None else values
    return _change(
        row,
        name,
        figures=figures,
        metric=metric or text(figures, "metric") or None,
        before=figure(compared, "champion"),
        after=figure(compared, "challenger"),
    )


def _change(
    row: Row,
    name: str,
    *,
    figures: Row,
    metric: str | None,
    before: float | None,
    after: float | None,
) -> Change:
    in_points = is_in_points(metric, figures)
    value, size = figure(row, name), None
    if before is not None and after is not None:
        size = abs(after - before)
    if value is None and size is not None and before is not None and _is_finite(row.get(name)):
        # A share of nearly 0 is too large to count with: from both values, then.
        value = size / (1.0 if in_points else max(abs(before), SMALLEST))
        value = value if row[name] > 0 else -value
    whole = None
    if not in_points and value and size is not None and before is not None:
        whole = _whole(metric, abs(value), size, abs(before))
    return Change(value=value, metric=metric, in_points=in_points, whole=whole)


def _whole(metric: str | None, share: float, size: float, before: float) -> float | None:
    """What the share is of, where it is no share of the earlier value that says something."""
    if share > LARGEST_SHARE:
        return before
    if is_known(metric) or math.isclose(size, share * before, rel_tol=1e-6):
        return None
    return size / share


def _is_finite(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) or math.isfinite(value)
