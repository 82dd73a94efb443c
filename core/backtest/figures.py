"""Every figure of a replay: what a policy costs, and what it buys."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from core.backtest.records import Policy
from core.backtest.replay import Replay
from core.engines.metrics import Metric, Scored, score


@dataclass(frozen=True, kw_only=True)
class PolicyFigures:
    """How one policy did over all rows after the start.

    The first training counts for no policy; a rejected challenger does.

    Attributes
    ----------
    value : float or None
        The metric of all these rows; None where it is not defined on them.
    retrainings, deployments : int
    training_seconds : float
        Of all retrainings, those in vain included.
    series : tuple of float or None
        The metric of each step's rows, one by one.
    """

    value: float | None
    retrainings: int
    deployments: int
    training_seconds: float
    series: tuple[float | None, ...]


def policy_figures(found: Replay) -> dict[Policy, PolicyFigures]:
    """The figures of each policy that was replayed.

    Parameters
    ----------
    found : Replay

    Returns
    -------
    dict of Policy to PolicyFigures
        In the order in which they were asked for.

    Raises
    ------
    InvalidRequest
        When a metric of the user's own fails.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> from datetime import UTC, datetime, timedelta
    >>> from core.backtest.replay import replay
    >>> found = replay(example_rows(480), example_type(), start=datetime(2026, 1, 15, tzinfo=UTC),
    ...     step=timedelta(days=2), policies=(Policy.NEVER,))
    >>> policy_figures(found)[Policy.NEVER].retrainings
    0
    """
    metric = found.metric
    whole = slice(found.spans[0].start, found.spans[-1].stop)
    return {
        policy: PolicyFigures(
            value=_value(metric, found, policy, whole),
            retrainings=sum(look.retrained for look in looks[1:]),
            deployments=sum(look.deployed for look in looks[1:]),
            training_seconds=sum(look.seconds for look in looks[1:]),
            series=tuple(_value(metric, found, policy, span) for span in found.spans),
        )
        for policy, looks in found.looks.items()
    }


def _value(metric: Metric, found: Replay, policy: Policy, span: slice) -> float | None:
    truth, predicted = found.truth[span], found.predicted[policy][span]
    if not len(truth):
        return None
    value = score(metric, Scored(truth=truth, predicted=predicted))
    return value if isfinite(value) else None
