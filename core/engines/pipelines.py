"""Engine name → unfitted scikit-learn pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from core.domain import ModelType, Task
from core.engines.features import (
    ColumnNormaliser,
    FeatureBuilder,
    categorical_features,
    numeric_features,
)
from core.engines.incremental import INCREMENTAL_ENGINES, ClippedScaler, make_estimator
from core.errors import InvalidRequest

BUILT_IN_ENGINES = (
    "gradient_boosting",
    "linear",
    "random_forest",
    "content_performance",
    *INCREMENTAL_ENGINES,
)
# Gradient boosting bins into at most 255 levels, one of which pools the rarest categories.
MOST_LEVELS = 254
# A category seen less often says more about chance than about itself: it is pooled with others.
RARE_BELOW = 10
MOST_ONE_HOT_LEVELS = 100

Factories = Mapping[str, Callable[[], Any]]


def make_pipeline(
    model_type: ModelType, column_kinds: Mapping[str, str], *, seed: int, factories: Factories
) -> Pipeline:
    """Make the unfitted pipeline of a model type's engine.

    Parameters
    ----------
    model_type : ModelType
        Its ``engine`` chooses, its ``engine_parameters`` go to the estimator.
    column_kinds : mapping of str to str
        Kind of each feature column.
    seed : int
        Becomes the ``random_state`` of whatever is random.
    factories : mapping of str to callable
        Allow-listed engines of the user's own: each call gives an unfitted estimator, which gets
        the feature columns as a DataFrame with normalised types.

    Returns
    -------
    Pipeline
        Takes the feature columns as they come from the table; its last step is ``model``.

    Raises
    ------
    InvalidRequest
        For an engine that is not known, or a parameter that its estimator does not have.

    Examples
    --------
    >>> from core.engines.example_rows import example_type
    >>> pipeline = make_pipeline(example_type(), {"a": "numeric"}, seed=0, factories={})
    >>> [name for name, _ in pipeline.steps]
    ['features', 'columns', 'model']
    """
    name = model_type.engine
    if name == "gradient_boosting":
        pipeline = _gradient_boosting(model_type, column_kinds, seed)
    elif name == "linear":
        pipeline = _linear(model_type, column_kinds, seed)
    elif name == "incremental_linear":
        pipeline = _incremental_linear(model_type, column_kinds, seed)
    elif name == "random_forest":
        pipeline = _random_forest(model_type, column_kinds, seed)
    elif name == "content_performance":
        pipeline = _content_performance(model_type, seed)
    elif name in factories:
        pipeline = _from_factory(factories[name], column_kinds, seed)
    else:
        raise InvalidRequest(
            f'The engine "{name}" is not known.',
            hint=f"Built in are {', '.join(BUILT_IN_ENGINES)}; allow your own "
            "package.module:factory by naming it in REFIT_ENGINES.",
        )
    if name != "content_performance":
        _set_parameters(pipeline.named_steps["model"], model_type)
    return pipeline


def _set_parameters(estimator: Any, model_type: ModelType) -> None:
    known = estimator.get_params(deep=True)
    for name, value in model_type.engine_parameters.items():
        if name not in known:
            raise InvalidRequest(
                f'The engine "{model_type.engine}" has no parameter "{name}".',
                hint=f"It has: {', '.join(sorted(known))}.",
            )
        estimator.set_params(**{name: value})


def _gradient_boosting(model_type: ModelType, kinds: Mapping[str, str], seed: int) -> Pipeline:
    numbers, categories = numeric_features(kinds), categorical_features(kinds)
    most_bins = model_type.engine_parameters.get("max_bins", MOST_LEVELS + 1)
    levels = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=float("nan"),
        encoded_missing_value=float("nan"),
        max_categories=max(2, min(MOST_LEVELS, int(most_bins) - 1)),
    )
    classifier = model_type.task is Task.CLASSIFICATION
    kind = HistGradientBoostingClassifier if classifier else HistGradientBoostingRegressor
    estimator = kind(
        # Early stopping would hold out random rows, which is neither by time nor needed here.
        early_stopping=False,
        categorical_features=list(range(len(numbers), len(numbers) + len(categories))) or None,
        random_state=seed,
    )
    return _assembled(kinds, "passthrough", levels, estimator)


def _linear(model_type: ModelType, kinds: Mapping[str, str], seed: int) -> Pipeline:
    classifier = model_type.task is Task.CLASSIFICATION
    estimator = (
        LogisticRegression(max_iter=1000, random_state=seed)
        if classifier
        else Ridge(random_state=seed)
    )
    return _assembled(kinds, _scaled(StandardScaler()), _one_hot(), estimator)


def _incremental_linear(model_type: ModelType, kinds: Mapping[str, str], seed: int) -> Pipeline:
    estimator = make_estimator(model_type, kinds, seed=seed)
    return _assembled(kinds, _scaled(ClippedScaler()), _one_hot(), estimator)


def _scaled(scaler: StandardScaler) -> Pipeline:
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    return Pipeline([("impute", imputer), ("scale", scaler)])


def _one_hot() -> OneHotEncoder:
    return OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        min_frequency=RARE_BELOW,
        max_categories=MOST_ONE_HOT_LEVELS,
        sparse_output=False,
    )


def _random_forest(model_type: ModelType, kinds: Mapping[str, str], seed: int) -> Pipeline:
    levels = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=float("nan"),
        encoded_missing_value=float("nan"),
        min_frequency=RARE_BELOW,
        max_categories=MOST_ONE_HOT_LEVELS,
    )
    classifier = model_type.task is Task.CLASSIFICATION
    kind = RandomForestClassifier if classifier else RandomForestRegressor
    return _assembled(kinds, "passthrough", levels, kind(random_state=seed))


def _assembled(kinds: Mapping[str, str], numbers: Any, levels: Any, estimator: Any) -> Pipeline:
    """Features, their encoding, and the estimator."""
    columns = ColumnTransformer(
        [
            ("numbers", numbers, numeric_features(kinds)),
            ("categories", levels, categorical_features(kinds)),
        ],
        verbose_feature_names_out=False,
    )
    return Pipeline(
        [("features", FeatureBuilder(dict(kinds))), ("columns", columns), ("model", estimator)]
    )


def _content_performance(model_type: ModelType, seed: int) -> Pipeline:
    from core.engines.content_performance import make_content_pipeline

    return make_content_pipeline(model_type, seed=seed)


def _from_factory(factory: Callable[[], Any], kinds: Mapping[str, str], seed: int) -> Pipeline:
    estimator = factory()
    if "random_state" in estimator.get_params(deep=False):
        estimator.set_params(random_state=seed)
    return Pipeline([("columns", ColumnNormaliser(dict(kinds))), ("model", estimator)])
