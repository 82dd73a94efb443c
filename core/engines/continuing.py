"""Whether a model can go on learning where it stopped, and the one that does."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

import pandas as pd
from sklearn.pipeline import Pipeline

from core.engines.fitted_model import FittedModel
from core.engines.fitting import Learner
from core.engines.pipelines import make_pipeline
from core.engines.time_split import is_after


def continued(
    learner: Learner,
    previous: FittedModel,
    train: pd.DataFrame,
    kinds: Mapping[str, str],
    *,
    cutoff: datetime,
    seed: int,
    found: Collection[str] = (),
) -> tuple[FittedModel, int] | None:
    """A copy of the previous model that has learnt the newer rows too.

    Parameters
    ----------
    learner : Learner
        Of an incremental engine.
    previous : FittedModel
    train : DataFrame of n rows, sorted by time
        All rows that the new model may have learnt from.
    kinds : mapping of str to str
        Kind of each feature column in ``train``.
    cutoff : datetime
        Time of the newest row that ``previous`` has seen.
    seed : int
    found : collection of str
        Parameters that were searched for: the previous model's are kept.

    Returns
    -------
    tuple of FittedModel and int, or None
        The model and how many rows it has learnt. None where it has to be learnt from the start:
        the previous one has other columns, kinds, classes or settings, or it has seen everything
        in ``train``, so that it may have seen rows that are to judge the new one.

    Raises
    ------
    DataError
        When a feature, a time column or the target is missing in ``train``.
    InvalidRequest
        For an unknown engine or parameter, or weights that the engine does not take.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> from core.engines.fitting import Learner
    >>> rows, kinds = example_rows(), {"a": "numeric", "b": "numeric"}
    >>> learner = Learner(model_type=example_type(engine="incremental_linear"), factories={},
    ...     metrics={})
    >>> model = learner.fit(rows[:200], kinds, seed=0)
    >>> _, learnt = continued(learner, model, rows, kinds, cutoff=rows["at"][199], seed=0)
    >>> learnt
    100
    """
    newer = train[is_after(train, learner.model_type, cutoff)]
    if newer.empty or not learner.knows_classes_of(previous, newer):
        return None
    fresh = make_pipeline(learner.model_type, kinds, seed=seed, factories=learner.factories)
    same = (
        previous.feature_columns == learner.features(train)
        and previous.column_kinds == dict(kinds)
        and previous.task == learner.model_type.task
        and previous.target_column == learner.model_type.target_column
        and same_settings(previous.pipeline, fresh, apart_from=found)
    )
    return (learner.learn_on(previous, newer), len(newer)) if same else None


def same_settings(one: Pipeline, other: Pipeline, *, apart_from: Collection[str] = ()) -> bool:
    """Whether two pipelines end in the same estimator with the same parameters.

    Parameters
    ----------
    one, other : Pipeline
    apart_from : collection of str
        Parameters that may differ.

    Returns
    -------
    bool
        False too where ``one`` is no Pipeline.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> weak, strong = (Pipeline([("model", Ridge(alpha=alpha))]) for alpha in (0.1, 10.0))
    >>> same_settings(weak, strong), same_settings(weak, strong, apart_from=["alpha"])
    (False, True)
    """
    if not isinstance(one, Pipeline) or type(one[-1]) is not type(other[-1]):
        return False
    mine, theirs = (
        {k: v for k, v in p[-1].get_params().items() if k not in apart_from} for p in (one, other)
    )
    return mine == theirs
