"""A gate with the verdict that it alone would give, and how figures are written in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from core.domain import Gate, ValidationVerdict
from core.engines.comparison import Comparison
from core.engines.metrics import Metric

# Below this, a paired comparison says next to nothing, whatever its numbers.
LEAST_COMMON_ROWS = 30


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A gate and the verdict that it alone would give.

    Examples
    --------
    >>> judged("enough_rows", ValidationVerdict.APPROVED, "900 rows.", value=900.0).gate.passed
    True
    """

    gate: Gate
    verdict: ValidationVerdict


def judged(
    name: str,
    verdict: ValidationVerdict,
    detail: str,
    *,
    value: float | None = None,
    threshold: float | None = None,
    interval: tuple[float, float] | None = None,
    figures: Mapping[str, Any] | None = None,
) -> Judged:
    """Make a gate that passes when its verdict is ``approved``.

    Numbers that are not finite, which JSON does not know, become None.

    Parameters
    ----------
    name : str
    verdict : ValidationVerdict
    detail : str
        One sentence for a person.
    value, threshold : float, optional
    interval : (float, float), optional
        Of the value.
    figures : mapping, optional
        What the detail was made from.

    Returns
    -------
    Judged

    Examples
    --------
    >>> gate = judged("latency", ValidationVerdict.REJECTED, "Slow.", value=float("nan")).gate
    >>> gate.passed, gate.value
    (False, None)
    """
    if interval is not None and not all(map(isfinite, interval)):
        interval = None
    gate = Gate(
        name=name,
        passed=verdict is ValidationVerdict.APPROVED,
        value=_finite(value),
        threshold=threshold,
        detail=detail,
        interval=interval,
        figures={key: _finite(figure) for key, figure in (figures or {}).items()},
    )
    return Judged(gate=gate, verdict=verdict)


def _finite(figure: Any) -> Any:
    return None if isinstance(figure, float) and not isfinite(figure) else figure


def in_size(metric: Metric, size: float, *, signed: bool = False) -> str:
    """A difference of two values of the metric: in points, or in per cent where it is relative.

    Parameters
    ----------
    metric : Metric
    size : float
        In points, or as a share.
    signed : bool
        Whether one above 0 gets a plus sign.

    Returns
    -------
    str

    Examples
    --------
    >>> from core.engines.metrics import get_metric
    >>> in_size(get_metric("accuracy"), 0.021), in_size(get_metric("mae"), 0.05, signed=True)
    ('0.021', '+5.0%')
    """
    return f"{size:{'+' if signed else ''}{'.3f' if metric.in_points else '.1%'}}"


def in_words(metric: Metric, against: Comparison, champion: str) -> str:
    """Both values and the interval, as a person reads them.

    Parameters
    ----------
    metric : Metric
    against : Comparison
        Its metric is defined for both.
    champion : str
        What the challenger was compared with, as the sentence names it.

    Returns
    -------
    str
        Without a full stop.

    Examples
    --------
    >>> from core.engines.metrics import get_metric
    >>> compared = Comparison(challenger=0.82, champion=0.8, improvement=0.02, lower=0.01,
    ...                       upper=0.03, p_value=0.001, samples=4000)
    >>> print(in_words(get_metric("accuracy"), compared, "the champion"))
    accuracy 0.82 against 0.8 of the champion on 4,000 rows: 0.020 better (90 % interval of the \
gain +0.010 to +0.030)
    """
    bounds = (in_size(metric, bound, signed=True) for bound in (against.lower, against.upper))
    direction = "better" if against.improvement >= 0 else "worse"
    return (
        f"{metric.label} {against.challenger:.3g} against {against.champion:.3g} of {champion} on "
        f"{against.samples:,} rows: {in_size(metric, abs(against.improvement))} {direction} "
        f"({100 * (1 - 2 * against.alpha):.3g} % interval of the gain {' to '.join(bounds)})"
    )


def comparison_figures(metric: Metric, against: Comparison) -> dict[str, Any]:
    """What a comparison's sentence holds.

    Parameters
    ----------
    metric : Metric
    against : Comparison

    Returns
    -------
    dict
        The fields of ``against`` by name, and :attr:`Metric.figures`.

    Examples
    --------
    >>> from core.engines.metrics import get_metric
    >>> compared = Comparison(challenger=0.82, champion=0.8, improvement=0.02, lower=0.01,
    ...                       upper=0.03, p_value=0.001, samples=4000)
    >>> comparison_figures(get_metric("accuracy"), compared)["champion"]
    0.8
    """
    return metric.figures | {
        "challenger": against.challenger,
        "champion": against.champion,
        "improvement": against.improvement,
        "lower": against.lower,
        "upper": against.upper,
        "p_value": against.p_value,
        "alpha": against.alpha,
        "samples": against.samples,
        "entities": against.entities,
    }


def not_computed(metric: Metric) -> str:
    """Why a metric has no value.

    Parameters
    ----------
    metric : Metric

    Returns
    -------
    str
        One sentence for a person.

    Examples
    --------
    >>> from core.engines.metrics import get_metric
    >>> not_computed(get_metric("roc_auc"))[:34]
    'ROC AUC is not defined on these ro'
    """
    return (
        f"{metric.label} is not defined on these rows (a single class, or a constant target), so "
        "it proves nothing."
    )
