"""The one sentence that says why a validation ended as it did."""

from __future__ import annotations

from collections.abc import Sequence

from core.domain import DeploymentRule, ValidationVerdict
from core.engines.gates import Judged, in_size
from core.engines.metrics import Metric


def validation_reason(
    judged: Sequence[Judged],
    verdict: ValidationVerdict,
    rule: DeploymentRule,
    *,
    metric: Metric,
    threshold: float,
) -> str:
    """Why the verdict, and why a challenger may or may not replace the champion alone.

    Parameters
    ----------
    judged : sequence of Judged
        Every gate; ``better_than_champion`` and ``beats_baseline`` are among them.
    verdict : ValidationVerdict
    rule : DeploymentRule
    metric : Metric
    threshold : float
        The model type's ``auto_deployment_threshold``.

    Returns
    -------
    str
        For a person: the detail of the gate that decides, and what follows from it.

    Examples
    --------
    >>> from core.engines.gates import first_model
    >>> from core.engines.gates.judged import judged
    >>> from core.engines.metrics import get_metric
    >>> gates = [judged("beats_baseline", ValidationVerdict.APPROVED, "Better than a guess."),
    ...          first_model()]
    >>> validation_reason(gates, ValidationVerdict.APPROVED, DeploymentRule.FIRST_MODEL,
    ...                   metric=get_metric("accuracy"), threshold=0.02)
    'First model: Better than a guess.'
    """
    if verdict is not ValidationVerdict.APPROVED:
        blocking = (one for one in judged if not one.gate.dry_run)
        return next(one.gate.detail for one in blocking if one.verdict is verdict)
    gates = {one.gate.name: one.gate for one in judged}
    comparison = gates["better_than_champion"]
    if (outcome := comparison.figures["outcome"]) in {"first_model", "champion_itself"}:
        # No other model to compare with: what it is better than is the constant guess.
        what = "First model" if outcome == "first_model" else "The champion itself"
        return f"{what}: {gates['beats_baseline'].detail}"
    if rule is DeploymentRule.SURELY_BETTER:
        return comparison.detail
    if rule is DeploymentRule.NOT_WORSE:
        return (
            f"{comparison.detail} The champion has surely got worse: one that is as good replaces "
            "it."
        )
    if not comparison.passed:
        return f"{comparison.detail} That gate is a dry run: it waits for a person to deploy it."
    return (
        f"{comparison.detail} As good as the champion, but not surely better, or not by "
        f"{in_size(metric, threshold)}: it waits for a person to deploy it."
    )
