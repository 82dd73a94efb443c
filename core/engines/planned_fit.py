"""The approved fit of a plan: the previous model gone on with, or one learnt from the start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pandas as pd

from core.domain import TrainingPlan
from core.engines.columns import column_kinds
from core.engines.continuing import continued
from core.engines.fitted_model import FittedModel
from core.engines.fitting import Learner
from core.engines.hyper_parameters import search_parameters, search_space, with_parameters


@dataclass(frozen=True, kw_only=True)
class PlannedFit:
    """A model, the engine's parameters that made it, and the plan with how it came about."""

    model: FittedModel
    engine_parameters: Mapping[str, Any]  # the model type's, and those that a search found
    plan: TrainingPlan


def fit_plan(
    learner: Learner,
    train: pd.DataFrame,
    plan: TrainingPlan,
    *,
    seed: int,
    previous: FittedModel | None,
    cutoff: datetime | None,
) -> PlannedFit:
    """Learn the train part of a plan.

    Parameters
    ----------
    learner : Learner
    train : DataFrame of n rows, sorted by time
    plan : TrainingPlan
    seed : int
    previous : FittedModel or None
        What an incremental engine goes on from, where that is possible.
    cutoff : datetime or None
        Time of the newest row that ``previous`` has seen.

    Returns
    -------
    PlannedFit
        The plan's figures have ``continued`` (rows, from) or ``search``, where there was one.

    Raises
    ------
    DataError
        When the engine cannot be fitted to these rows.
    InvalidRequest
        For an unknown engine, parameter or metric, or weights that the engine does not take.

    Examples
    --------
    >>> from core.engines.example_rows import AS_OF, example_rows, example_type
    >>> from core.engines.window_plan import plan_window
    >>> rows, kind = example_rows(), example_type()
    >>> plan = plan_window(rows, kind, as_of=AS_OF, champion_cutoff=None)
    >>> learner = Learner(model_type=kind, factories={}, metrics={})
    >>> found = fit_plan(learner, rows[: plan.train_rows], plan, seed=0, previous=None, cutoff=None)
    >>> found.model.classes
    [0, 1]
    """
    if learner.is_incremental and previous is not None and cutoff is not None:
        gone_on = _gone_on(learner, train, plan, seed=seed, previous=previous, cutoff=cutoff)
        if gone_on is not None:
            return gone_on
    if learner.model_type.search_seconds:
        found = search_parameters(train, learner, seed=seed)
        learner = with_parameters(learner, found.parameters)
        plan = replace(plan, figures={**plan.figures, "search": found.figures})
    kinds = column_kinds(train, learner.features(train))
    return PlannedFit(
        model=learner.fit(train, kinds, seed=seed),
        engine_parameters=learner.model_type.engine_parameters,
        plan=plan,
    )


def noted(plan: TrainingPlan, sentence: str, **figures: Mapping[str, Any]) -> TrainingPlan:
    """The plan with a further sentence of reason, and what that was made from.

    Parameters
    ----------
    plan : TrainingPlan
    sentence : str
        For a person.
    **figures
        What the sentence was made from, each added to the plan's figures by its name.

    Returns
    -------
    TrainingPlan

    Examples
    --------
    >>> from core.engines.example_rows import AS_OF, example_rows, example_type
    >>> from core.engines.window_plan import plan_window
    >>> plan = plan_window(example_rows(), example_type(), as_of=AS_OF, champion_cutoff=None)
    >>> noted(plan, "A sentence more.").reason
    'First model: the newest 100 of 300 rows judge it. A sentence more.'
    """
    return replace(plan, reason=f"{plan.reason} {sentence}", figures={**plan.figures, **figures})


def _gone_on(
    learner: Learner,
    train: pd.DataFrame,
    plan: TrainingPlan,
    *,
    seed: int,
    previous: FittedModel,
    cutoff: datetime,
) -> PlannedFit | None:
    model_type = learner.model_type
    searched = search_space(model_type) if model_type.search_seconds else {}
    made = continued(
        learner,
        previous,
        train,
        column_kinds(train, learner.features(train)),
        cutoff=cutoff,
        seed=seed,
        found=searched,
    )
    if made is None:
        return None
    model, rows = made
    kept = model.pipeline[-1].get_params()
    return PlannedFit(
        model=model,
        engine_parameters={**model_type.engine_parameters, **{n: kept[n] for n in searched}},
        plan=noted(
            plan,
            f"The champion goes on learning: {rows:,} newer rows are added to what it knows.",
            continued={"rows": rows, "from": cutoff.isoformat()},
        ),
    )
