"""Which types an artifact may hold: fixed lists of ours, never read from the artifact itself.

skops itself trusts NumPy's arrays and ufuncs, plain Python values, and scikit-learn's public
estimators. These lists name what an engine's models hold beyond that. Anything else is refused
before a single object is made.
"""

from __future__ import annotations

from collections.abc import Sequence

# What every model of ours is wrapped in.
_MODEL = (
    "core.engines.confidence.ConformalIntervals",
    "core.engines.confidence.SigmoidCalibrator",
    "core.engines.fitted_model.FittedModel",
)
_TABULAR = ("core.engines.features.FeatureBuilder",)
# Partial and check_array are how scikit-learn keeps the check of categorical columns.
_HISTOGRAM_BOOSTING = (
    "functools.partial",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.utils.validation.check_array",
)

TRUSTED_TYPES: dict[str, frozenset[str]] = {
    "gradient_boosting": frozenset((*_MODEL, *_TABULAR, *_HISTOGRAM_BOOSTING)),
    "linear": frozenset((*_MODEL, *_TABULAR, "numpy.dtype")),
    "incremental_linear": frozenset(
        (*_MODEL, *_TABULAR, "numpy.dtype", "core.engines.incremental.ClippedScaler")
    ),
    "random_forest": frozenset((*_MODEL, *_TABULAR, "sklearn.tree._tree.Tree")),
    "content_performance": frozenset(
        (*_MODEL, "core.engines.content_history.ContentFeatures", *_HISTOGRAM_BOOSTING)
    ),
}

# An engine of the user's own may hold whatever ours may, its columns come normalised, and
# scikit-learn's calibration is common enough to need no setting.
OWN_ENGINE_TYPES: frozenset[str] = frozenset().union(
    *TRUSTED_TYPES.values(),
    (
        "core.engines.features.ColumnNormaliser",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.calibration._TemperatureScaling",
    ),
)


def trusted_types(engine: str, extra_types: Sequence[str] = ()) -> frozenset[str]:
    """The types that an artifact of this engine may hold.

    Parameters
    ----------
    engine
        A built-in engine's name; any other name stands for an engine of the user's own.
    extra_types
        Qualified names that the operator trusts as well (``REFIT_TRUSTED_TYPES``).
    """
    return TRUSTED_TYPES.get(engine, OWN_ENGINE_TYPES) | frozenset(extra_types)
