"""The engine for posts: what a post and its author's record say, and gradient boosting on top.

It fits any relation that has the columns of a ``content_posts`` table.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline

from core.domain import ModelType, Task
from core.engines.content_features import (
    CATEGORY_FEATURES,
    POST_COLUMNS,
    post_features,
    typed_posts,
)
from core.engines.content_history import ContentFeatures
from core.errors import InvalidRequest

_PARAMETERS: dict[str, Any] = {
    "learning_rate": 0.1,
    "max_iter": 80,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 20,
    "l2_regularization": 1.0,
    "categorical_features": list(range(len(CATEGORY_FEATURES))),  # they are the first columns
    "early_stopping": False,  # its random hold-back would mix times
}


class ContentPerformanceMLEngine:
    """Predicts how a post will do, before it is published.

    Works for a class (``performance_tier``) and for a number (``engagement_rate``).

    Examples
    --------
    >>> from core.engines.content_posts import content_model_types
    >>> tier, _ = content_model_types()
    >>> [name for name, _ in ContentPerformanceMLEngine().make_pipeline(tier, 0).steps]
    ['features', 'model']
    """

    def features(self, frame: pd.DataFrame, *, time_column: str = "published_at") -> pd.DataFrame:
        """What the engine reads from each post by itself: all features but the author's record.

        Parameters
        ----------
        frame : DataFrame of n posts
        time_column : str
            When a post is published.

        Returns
        -------
        DataFrame of n rows
            As :func:`core.engines.content_features.post_features` gives it.

        Raises
        ------
        DataError
            When a column is missing.
        """
        posts = typed_posts(frame, time_column=time_column)
        return post_features(posts, time_column=time_column)

    def make_pipeline(self, model_type: ModelType, seed: int) -> Pipeline:
        """An unfitted pipeline for the model type.

        Parameters
        ----------
        model_type : ModelType
            Its ``feature_columns`` must hold the time column and author, channel, format, title
            and body; further ones are taken as numbers. Its ``engine_parameters`` override the
            parameters of the gradient boosting. Its ``label_delay`` tells when a post's target can
            be part of its author's record (the label-time column does, where the frame has it).
        seed : int
            Random state of the estimator.

        Returns
        -------
        Pipeline
            Its steps, ``features`` and ``model``, take the feature columns as they come from the
            table.

        Raises
        ------
        InvalidRequest
            When a needed column is missing, or a parameter does not exist.
        """
        needed = (model_type.time_column, *POST_COLUMNS)
        missing = [c for c in needed if c not in model_type.feature_columns]
        if missing:
            raise InvalidRequest(
                f"Model type {model_type.name}: the engine content_performance needs the feature "
                f"column(s) {', '.join(missing)}.",
                hint="Add them, or use engine gradient_boosting.",
            )
        features = ContentFeatures(
            classification=model_type.task is Task.CLASSIFICATION,
            time_column=model_type.time_column,
            label_time_column=model_type.label_time_column,
            label_delay_s=model_type.label_delay.total_seconds(),
            number_columns=tuple(c for c in model_type.feature_columns if c not in needed),
        )
        return Pipeline([("features", features), ("model", _estimator(model_type, seed))])


def make_content_pipeline(model_type: ModelType, *, seed: int) -> Pipeline:
    """:meth:`ContentPerformanceMLEngine.make_pipeline` as a function, as engines are registered.

    Parameters
    ----------
    model_type : ModelType
    seed : int
        Both as the method takes them.

    Returns
    -------
    Pipeline
        Unfitted.

    Raises
    ------
    InvalidRequest
        As the method does.

    Examples
    --------
    >>> from core.engines.content_posts import content_model_types
    >>> _, rate = content_model_types()
    >>> make_content_pipeline(rate, seed=0)[-1].loss
    'absolute_error'
    """
    return ContentPerformanceMLEngine().make_pipeline(model_type, seed)


def _estimator(
    model_type: ModelType, seed: int
) -> HistGradientBoostingClassifier | HistGradientBoostingRegressor:
    parameters = _PARAMETERS | {"random_state": seed} | dict(model_type.engine_parameters)
    if model_type.task is Task.CLASSIFICATION:
        kind = HistGradientBoostingClassifier
    else:
        kind = HistGradientBoostingRegressor
        if model_type.metric == "mae":  # the median is what minimises it
            parameters = {"loss": "absolute_error"} | parameters
    known = kind().get_params()
    if unknown := sorted(set(parameters) - set(known)):
        raise InvalidRequest(
            f'The engine "content_performance" has no parameter "{unknown[0]}".',
            hint=f"It has: {', '.join(sorted(known))}.",
        )
    return kind(**parameters)
