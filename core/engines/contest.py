"""The challenger against the champion, on the rows that neither has learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from core.domain import DeploymentRule, HoldoutUse, ModelType, Task
from core.engines.comparison import ALPHA, Comparison, compare
from core.engines.entities import entity_codes
from core.engines.fitted_model import FittedModel
from core.engines.gates import (
    LEAST_COMMON_ROWS,
    Judged,
    better_than_champion,
    calibration,
    champion_itself,
    deployment_rule,
    first_model,
    not_comparable,
    skipped_calibration,
    skipped_slices,
    slices,
    too_few,
)
from core.engines.holdout_use import count_uses, span_of, spending_level
from core.engines.metrics import Metric, Scored
from core.engines.time_split import is_after
from core.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Contest:
    """What comparing a challenger with the champion gave: the gates, and what they rest on.

    ``against`` is None where the two were not compared, or the metric is not defined; ``holdout``
    where nothing was learnt from the rows, so that they count as unused.

    Examples
    --------
    >>> first = Contest(judged=(first_model(),), samples=40, is_first=True)
    >>> first.rule(0.02, alarm=False).value
    'first_model'
    """

    judged: tuple[Judged, ...]
    samples: int
    against: Comparison | None = None
    alpha: float = ALPHA
    holdout_use: int = 1
    holdout: HoldoutUse | None = None
    is_first: bool = False

    def rule(self, threshold: float, *, alarm: bool) -> DeploymentRule:
        """By which rule the challenger may replace the champion without a person.

        Parameters
        ----------
        threshold : float
            The model type's ``auto_deployment_threshold``.
        alarm : bool
            Whether the champion's alarm stands.

        Returns
        -------
        DeploymentRule
            ``NONE`` where a person has to decide.
        """
        if self.is_first:
            return DeploymentRule.FIRST_MODEL
        if self.against is None:
            return DeploymentRule.NONE
        return deployment_rule(self.against, threshold, alarm=alarm)


def hold_contest(
    model_type: ModelType,
    metric: Metric,
    *,
    challenger: Scored,
    champion: FittedModel | None,
    holdout: pd.DataFrame,
    champion_cutoff: datetime | None,
    earlier_holdouts: Sequence[HoldoutUse],
    seed: int,
    is_champion: bool,
    chosen_by_rows: bool = False,
    artifact_hash: str | None = None,
) -> Contest:
    """Compare a challenger with the champion: overall, in its confidence, and slice by slice.

    Parameters
    ----------
    model_type : ModelType
    metric : Metric
        The model type's.
    challenger : Scored
        Its predictions of the n holdout rows.
    champion : FittedModel or None
        None for a first model, and for the champion itself.
    holdout : DataFrame of n rows
    champion_cutoff : datetime or None
        Only rows later than this compare the two.
    earlier_holdouts : sequence of HoldoutUse
        Of earlier validations against the same deployment.
    seed : int
        Of the bootstrap.
    is_champion : bool
        Whether the challenger is what serves.
    chosen_by_rows : bool
        Whether the challenger is there because these rows looked bad for the champion: that was
        a use of them. Where the champion has not changed, chance made them so, and an equal
        challenger looks better on them (:mod:`bench.judgement.unchanged`).
    artifact_hash : str or None
        Of the challenger, to know it again where the same rows have judged it before.

    Returns
    -------
    Contest
        Where there is no champion, it cannot be scored, or too few rows are new to both, a gate
        says so and ``against`` is None.

    Raises
    ------
    DataError
        When ``holdout`` lacks a time column or the entity column.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> from core.engines.metrics import get_metric
    >>> rows = example_rows(40)
    >>> right = Scored(truth=rows["y"].to_numpy(), predicted=rows["y"].to_numpy())
    >>> found = hold_contest(example_type(), get_metric("accuracy"), challenger=right,
    ...     champion=None, holdout=rows, champion_cutoff=None, earlier_holdouts=(), seed=0,
    ...     is_champion=False)
    >>> found.is_first, found.samples
    (True, 40)
    """
    if champion is None:
        return _without_champion(model_type, len(holdout), is_champion=is_champion)
    common = np.ones(len(holdout), dtype=bool)
    if champion_cutoff is not None:
        common = is_after(holdout, model_type, champion_cutoff)
    rows = holdout[common]
    if rows.empty:
        reason = "No row is newer than what both models learnt from: they cannot be compared."
        return Contest(judged=(not_comparable(reason, "no_common_rows"),), samples=0)
    try:
        theirs = champion.scored(rows)
    except DataError as exc:
        reason = f"The champion cannot be scored: {exc.message}"
        return Contest(judged=(not_comparable(reason, "champion_not_scored"),), samples=0)
    return _compared(
        model_type,
        metric,
        challenger.rows(common),
        theirs,
        rows,
        earlier_holdouts=earlier_holdouts,
        seed=seed,
        chosen_by_rows=chosen_by_rows,
        artifact_hash=artifact_hash,
    )


def _without_champion(model_type: ModelType, samples: int, *, is_champion: bool) -> Contest:
    is_regression = model_type.task is Task.REGRESSION
    judged = [
        champion_itself() if is_champion else first_model(),
        skipped_calibration("regression" if is_regression else "no_champion"),
    ]
    if model_type.slice_columns:
        judged.append(skipped_slices())
    return Contest(judged=tuple(judged), samples=samples, is_first=not is_champion)


def _compared(
    model_type: ModelType,
    metric: Metric,
    ours: Scored,
    theirs: Scored,
    rows: pd.DataFrame,
    *,
    earlier_holdouts: Sequence[HoldoutUse],
    seed: int,
    chosen_by_rows: bool,
    artifact_hash: str | None,
) -> Contest:
    entities = entity_codes(rows, model_type)
    units = len(rows) if entities is None else len(np.unique(entities))
    if units < LEAST_COMMON_ROWS:
        few = too_few(units, "rows" if entities is None else "entities")
        return Contest(judged=(few,), samples=len(rows))
    threshold = model_type.auto_deployment_threshold
    use = count_uses(rows, model_type, earlier_holdouts, artifact_hash=artifact_hash)
    use += int(chosen_by_rows)
    alpha = spending_level(use)
    against = compare(metric, ours, theirs, seed=seed, alpha=alpha, entities=entities)
    judged = [better_than_champion(metric, against, threshold, holdout_use=use)]
    if model_type.task is Task.REGRESSION:
        judged.append(skipped_calibration("regression"))
    else:
        judged.append(calibration(ours, theirs, alpha=alpha, seed=seed, entities=entities))
    if model_type.slice_columns:
        judged.append(
            slices(
                metric, ours, theirs, rows, model_type, alpha=alpha, seed=seed, entities=entities
            )
        )
    return Contest(
        judged=tuple(judged),
        samples=len(rows),
        against=against if against.is_defined else None,
        alpha=alpha,
        holdout_use=use,
        holdout=span_of(rows, model_type),
    )
