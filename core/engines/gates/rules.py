"""By which rule a challenger may replace the champion without a person."""

from __future__ import annotations

from typing import Any

from core.domain import DeploymentRule
from core.engines.comparison import Comparison

# A challenger that is worse by less than this is as good as the champion. Relative to the
# champion's value for MAE, RMSE and the like, as all thresholds are: half of the drop at which a
# champion counts as worse (retraining_threshold 0.03), in whichever unit that is measured.
NON_INFERIORITY = 0.015
# What a challenger may lose at most, when the champion's alarm stands. A challenger that is worse
# by a whole point then passes in up to 10 % of cases (bench.judgement.promotions), with 0.010 in
# 3 %; but one that is better by three points passes less often too. Waiting with a champion that
# is known to be bad costs more than that: at 500 rows and a disagreement of 0.10 the wider margin
# loses less as long as fewer than seven of eight challengers are worse.
ALARM_MARGIN = NON_INFERIORITY


def is_surely_better(
    improvement: Any, lower: Any, p_value: Any, *, threshold: float, alpha: float
) -> Any:
    """Better by at least the threshold as measured, and surely better than not at all.

    Parameters
    ----------
    improvement, lower, p_value : float or array of float
        As :class:`Comparison` has them.
    threshold : float
        The model type's ``auto_deployment_threshold``.
    alpha : float
        One-sided level of ``lower``, which the test has to reach too.

    Returns
    -------
    bool or array of bool

    Examples
    --------
    >>> is_surely_better(0.03, 0.01, 0.001, threshold=0.02, alpha=0.03)
    True
    """
    return (improvement >= threshold) & (lower > 0) & (p_value <= alpha)


def is_not_worse(improvement: Any, lower: Any, *, margin: float = ALARM_MARGIN) -> Any:
    """No worse as measured, and surely not worse by the margin.

    Parameters
    ----------
    improvement, lower : float or array of float
        As :class:`Comparison` has them.
    margin : float > 0

    Returns
    -------
    bool or array of bool

    Examples
    --------
    >>> is_not_worse(0.004, -0.012), is_not_worse(-0.001, -0.012)
    (True, False)
    """
    return (improvement >= 0) & (lower > -margin)


def deployment_rule(against: Comparison, threshold: float, *, alarm: bool) -> DeploymentRule:
    """By which rule the challenger may replace the champion without a person.

    Surely better, by at least the threshold. While the champion is known to have got worse, not
    replacing it costs something too: then better on the point and not worse on the bound is enough.

    Parameters
    ----------
    against : Comparison
    threshold : float
        The model type's ``auto_deployment_threshold``.
    alarm : bool
        Whether the champion's alarm stands.

    Returns
    -------
    DeploymentRule
        ``NONE`` where a person has to decide, or the metric is not defined.

    Examples
    --------
    >>> equal = Comparison(challenger=0.8, champion=0.8, improvement=0.0, lower=-0.01, upper=0.01,
    ...                    p_value=0.5, samples=2500)
    >>> [deployment_rule(equal, 0.02, alarm=alarm).value for alarm in (False, True)]
    ['none', 'not_worse']
    """
    if not against.is_defined:
        return DeploymentRule.NONE
    if is_surely_better(
        against.improvement,
        against.lower,
        against.p_value,
        threshold=threshold,
        alpha=against.alpha,
    ):
        return DeploymentRule.SURELY_BETTER
    if alarm and is_not_worse(against.improvement, against.lower):
        return DeploymentRule.NOT_WORSE
    return DeploymentRule.NONE
