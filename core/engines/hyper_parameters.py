"""A search for an engine's parameters within a time budget, on the training rows alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core.domain import ModelType
from core.engines.columns import column_kinds
from core.engines.fitting import Learner
from core.engines.metrics import Metric, score
from core.engines.time_split import plain_times
from core.errors import DataError, InvalidRequest

if TYPE_CHECKING:
    from optuna import Trial

# Trials are compared on the newest rows of the train part, which none of them has learnt.
VALIDATION_SHARE = 0.2
MOST_VALIDATION_ROWS = 2000
# The newest rows before these; a trial is to take a small part of any sensible budget.
MOST_FITTED_ROWS = 50_000
MOST_TRIALS = 60

_Suggestion = Callable[["Trial", str], Any]


def _whole(low: int, high: int, *, log: bool = False) -> _Suggestion:
    return lambda trial, name: trial.suggest_int(name, low, high, log=log)


def _number(low: float, high: float, *, log: bool = True) -> _Suggestion:
    return lambda trial, name: trial.suggest_float(name, low, high, log=log)


_BOOSTING: Mapping[str, _Suggestion] = {
    "learning_rate": _number(0.02, 0.3),
    "max_iter": _whole(40, 400, log=True),
    "max_leaf_nodes": _whole(7, 63, log=True),
    "min_samples_leaf": _whole(5, 100, log=True),
    "l2_regularization": _number(1e-3, 10.0),
}
# The ranges hold the defaults of scikit-learn well inside.
SPACES: Mapping[str, Mapping[str, _Suggestion]] = {
    "gradient_boosting": _BOOSTING,
    "content_performance": _BOOSTING,
    "random_forest": {
        "n_estimators": _whole(50, 300, log=True),
        "min_samples_leaf": _whole(1, 50, log=True),
        "max_features": _number(0.2, 1.0, log=False),
    },
    "incremental_linear": {"alpha": _number(1e-6, 1e-2), "eta0": _number(1e-4, 1e-2)},
}
_LINEAR_PENALTY = {"classification": "C", "regression": "alpha"}


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search found: the parameters to add to the model type's own, and how."""

    parameters: Mapping[str, Any]  # empty: nothing was better than the engine's own settings
    figures: Mapping[str, Any]  # trials, validation_rows, metric, before, after, parameters


def search_space(model_type: ModelType) -> Mapping[str, _Suggestion]:
    """What is searched for: the engine's parameters but those that the model type sets itself.

    Parameters
    ----------
    model_type : ModelType

    Returns
    -------
    mapping of str to callable
        By parameter, what suggests a value of it to a trial.

    Raises
    ------
    InvalidRequest
        For an engine of the user's own, whose parameters nobody knows here.

    Examples
    --------
    >>> from core.engines.example_rows import example_type
    >>> list(search_space(example_type()))
    ['C']
    """
    space = SPACES.get(model_type.engine)
    if model_type.engine == "linear":
        space = {_LINEAR_PENALTY[model_type.task]: _number(1e-3, 1e3)}
    if space is None:
        raise InvalidRequest(
            f'No parameters are known to search for in the engine "{model_type.engine}".',
            hint="Set search_seconds to 0, and search inside your own factory.",
        )
    return {k: v for k, v in space.items() if k not in model_type.engine_parameters}


def search_parameters(
    train: pd.DataFrame, learner: Learner, *, seed: int, most_trials: int = MOST_TRIALS
) -> Found:
    """Look for better parameters for as long as the model type's ``search_seconds`` allow.

    Trials are fitted on the older rows of ``train`` and scored by the model type's metric on the
    newest. The first trial is the engine's own settings; the others are proposed by a
    tree-structured Parzen estimator (Bergstra et al. 2011, "Algorithms for hyper-parameter
    optimization"). A trial that has begun is ended, so that the budget is passed by one trial at
    most.

    The same rows, seed and *number of trials* give the same parameters; how many trials a budget
    allows depends on the machine. The number is kept in the figures, and the parameters with the
    model.

    Parameters
    ----------
    train : DataFrame of n rows, sorted by time
    learner : Learner
        Its model type has ``search_seconds`` > 0.
    seed : int
    most_trials : int
        At which the search ends before its time.

    Returns
    -------
    Found

    Raises
    ------
    InvalidRequest
        For an engine without a search space, an unknown parameter or metric.
    DataError
        When the engine's own settings cannot be fitted to these rows.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> learner = Learner(model_type=example_type(search_seconds=60), factories={}, metrics={})
    >>> found = search_parameters(example_rows(), learner, seed=0, most_trials=2)
    >>> found.figures["trials"], found.figures["validation_rows"]
    (3, 60)
    """
    import optuna
    from optuna.trial import TrialState

    space = search_space(learner.model_type)
    older, newest = _split(train, learner.model_type)
    if not space or older.empty:
        return Found(parameters={}, figures={"trials": 0})
    objective = _Objective(learner=learner, older=older, newest=newest, space=space, seed=seed)
    before = objective.score({})  # an error of the settings themselves is raised as it is
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        study = optuna.create_study(
            direction="maximize" if objective.metric.greater_is_better else "minimize",
            sampler=optuna.samplers.TPESampler(seed=seed),
        )
        study.optimize(
            objective,
            n_trials=most_trials,
            timeout=learner.model_type.search_seconds,
            catch=(DataError,),
        )
    finally:
        optuna.logging.set_verbosity(verbosity)
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    best = study.best_trial if done else None
    better = best is not None and _is_better(objective, best.value, before)
    parameters = dict(best.params) if best is not None and better else {}
    return Found(
        parameters=parameters,
        figures={
            "trials": len(study.trials) + 1,
            "seconds": learner.model_type.search_seconds,
            "validation_rows": len(newest),
            "metric": objective.metric.name,
            "before": before if np.isfinite(before) else None,
            "after": best.value if best is not None and better else None,
            "parameters": parameters,
        },
    )


@dataclass(frozen=True, kw_only=True)
class _Objective:
    """The metric of one set of parameters on the newest rows."""

    learner: Learner
    older: pd.DataFrame
    newest: pd.DataFrame
    space: Mapping[str, _Suggestion]
    seed: int

    @property
    def metric(self) -> Metric:
        return self.learner.metric

    def __call__(self, trial: Trial) -> float:
        return self.score({name: suggest(trial, name) for name, suggest in self.space.items()})

    def score(self, parameters: Mapping[str, Any]) -> float:
        learner = with_parameters(self.learner, parameters)
        kinds = column_kinds(self.older, learner.features(self.older))
        model = learner.fit(self.older, kinds, seed=self.seed)
        return score(self.metric, model.scored(self.newest))


def with_parameters(learner: Learner, parameters: Mapping[str, Any]) -> Learner:
    """The learner with further engine parameters.

    Parameters
    ----------
    learner : Learner
    parameters : mapping of str to object
        Each takes the place of one of the same name.

    Returns
    -------
    Learner

    Examples
    --------
    >>> from core.engines.example_rows import example_type
    >>> learner = Learner(model_type=example_type(), factories={}, metrics={})
    >>> dict(with_parameters(learner, {"C": 0.5}).model_type.engine_parameters)
    {'C': 0.5}
    """
    own = {**learner.model_type.engine_parameters, **parameters}
    return replace(learner, model_type=replace(learner.model_type, engine_parameters=own))


def _is_better(objective: _Objective, found: float | None, before: float) -> bool:
    if found is None or not np.isfinite(found):
        return False
    if not np.isfinite(before):
        return True
    return found > before if objective.metric.greater_is_better else found < before


def _split(train: pd.DataFrame, model_type: ModelType) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows that trials learn and those that they are scored on; no time is parted."""
    times = plain_times(train, model_type)
    newest = min(max(round(VALIDATION_SHARE * len(train)), 1), MOST_VALIDATION_ROWS)
    cut = int(np.searchsorted(times, times[len(train) - newest]))
    return train.iloc[max(cut - MOST_FITTED_ROWS, 0) : cut], train.iloc[cut:]
