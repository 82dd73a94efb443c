"""How far back an adaptive window reaches: as far as the newest labelled rows speak for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.domain import ModelType, Task
from core.engines.columns import column_kinds, target_values
from core.engines.fitting import Learner
from core.engines.metrics import Floats, Metric, get_metric, losses, score
from core.engines.time_split import plain_times

# Lengths to try, of the rows before the holdout.
SHARES = (1.0, 0.5, 0.25, 0.125)
# What the lengths are compared on: the newest of these rows, which none of the fits has seen.
VALIDATION_SHARE = 0.1
LEAST_VALIDATION_ROWS = 100
MOST_VALIDATION_ROWS = 1000
# A trial fit shows which rows are of use, not what the model will be: small is enough for that.
MOST_FITTED_ROWS = 20_000
MOST_ROUNDS = 50
_ROUNDS = {
    "gradient_boosting": "max_iter",
    "content_performance": "max_iter",
    "random_forest": "n_estimators",
}


@dataclass(frozen=True, kw_only=True)
class WindowChoice:
    """Where the window begins, why, and what was tried."""

    start: datetime
    reason: str  # one sentence for a person
    figures: Mapping[str, Any]  # known_rows, validation_rows, chosen_rows, metric, candidates


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    first: int  # position of its first row
    rows: int  # up to the holdout
    score: float
    losses: Floats  # (n_validation,)


def choose_window(known: pd.DataFrame, learner: Learner, *, seed: int) -> WindowChoice:
    """Try windows of several lengths and choose the longest that does as well as the best.

    Each candidate, the last 1/1, 1/2, 1/4 and 1/8 of the rows, is fitted quickly on what comes
    before the newest of them, and all are scored on those. More rows make a steadier model as long
    as they speak of the same world, so the longest candidate is taken whose mean loss lies within
    one standard error of the best one's. The error is that of the paired differences, since all are
    scored on the same rows. The one-standard-error rule is that of Breiman et al. 1984,
    "Classification and regression trees", section 3.4.3; a window as long as the newest data
    support follows Klinkenberg 2004, "Learning drifting concepts: example selection vs. example
    weighting", section 4.

    Parameters
    ----------
    known : DataFrame of n rows, sorted by time
        Those before the holdout, which must have no say in this.
    learner : Learner
        Of the model type that is to be trained.
    seed : int
        Of the fits and of the sampling of candidates with many rows.

    Returns
    -------
    WindowChoice

    Raises
    ------
    DataError
        When the engine cannot be fitted to these rows.
    InvalidRequest
        For an unknown engine, parameter or metric.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> learner = Learner(model_type=example_type(), factories={}, metrics={})
    >>> choose_window(example_rows(), learner, seed=0).reason
    'All 300 rows before the holdout are learnt from: there are too few to try a shorter window.'
    """
    model_type = learner.model_type
    times = plain_times(known, model_type)
    cut = _validation_start(times)
    quick = replace(learner, model_type=quick_settings(model_type))
    generator = np.random.default_rng(seed)
    candidates = []
    for first in _starts(known, times, cut, model_type):
        chosen = np.arange(first, cut)
        if len(chosen) > MOST_FITTED_ROWS:
            chosen = np.sort(generator.choice(chosen, MOST_FITTED_ROWS, replace=False))
        candidates.append(_tried(quick, known, chosen, cut, first=first, seed=seed))
    if len(candidates) < 2:
        return WindowChoice(
            start=_moment(times[0]),
            reason=f"All {len(known):,} rows before the holdout are learnt from: there are too few "
            "to try a shorter window.",
            figures={"known_rows": len(known), "chosen_rows": len(known), "candidates": []},
        )
    return _choice(candidates, times, cut, metric=learner.metric)


def quick_settings(model_type: ModelType) -> ModelType:
    """The model type with at most 50 rounds of boosting, or trees: enough to compare windows.

    Parameters
    ----------
    model_type : ModelType

    Returns
    -------
    ModelType
        The same one where its engine is not made of rounds or trees.

    Examples
    --------
    >>> from core.engines.example_rows import example_type
    >>> quick_settings(example_type()).engine
    'linear'
    """
    name = _ROUNDS.get(model_type.engine)
    if name is None:
        return model_type
    rounds = min(int(model_type.engine_parameters.get(name, MOST_ROUNDS)), MOST_ROUNDS)
    return replace(model_type, engine_parameters={**model_type.engine_parameters, name: rounds})


def longest_as_good(losses_of: Sequence[Floats]) -> tuple[int, Floats, Floats]:
    """The first candidate whose mean loss is within one standard error of the least.

    Parameters
    ----------
    losses_of : sequence of k ndarrays, shape (n,)
        The losses of the same rows under each candidate, the longest candidate first.

    Returns
    -------
    chosen : int
        Its position.
    excess : ndarray of shape (k,)
        How much more each loses than the best, ≥ 0, in the mean.
    errors : ndarray of shape (k,)
        Standard error of each excess.

    Examples
    --------
    >>> even, better = np.tile([1.0, 0.0], 50), np.zeros(100)
    >>> longest_as_good([even, better])[0]
    1
    >>> longest_as_good([even, 1 - even])[0]
    0
    """
    table = np.stack(losses_of)
    apart = table - table[np.argmin(table.mean(axis=1))]
    excess = apart.mean(axis=1)
    errors = apart.std(axis=1, ddof=1) / np.sqrt(table.shape[1])
    return int(np.argmax(excess <= errors)), excess, errors


def _validation_start(times: NDArray[np.datetime64]) -> int:
    """Position of the first row that candidates are compared on; no time is parted."""
    rows = len(times)
    wished = int(np.clip(VALIDATION_SHARE * rows, LEAST_VALIDATION_ROWS, MOST_VALIDATION_ROWS))
    return int(np.searchsorted(times, times[rows - min(wished, rows // 4 + 1)]))


def _starts(
    known: pd.DataFrame, times: NDArray[np.datetime64], cut: int, model_type: ModelType
) -> list[int]:
    """Where the candidates begin that leave enough rows to learn from, the longest first."""
    rows, found = len(times), []
    for share in SHARES:
        first = int(np.searchsorted(times, times[rows - max(round(share * rows), 1)]))
        if cut - first >= model_type.min_training_samples and _is_learnable(
            known.iloc[first:cut], model_type
        ):
            found.append(first)
    return list(dict.fromkeys(found))


def _is_learnable(rows: pd.DataFrame, model_type: ModelType) -> bool:
    if model_type.task is not Task.CLASSIFICATION:
        return True
    return len(np.unique(target_values(rows, model_type.target_column, model_type.task))) > 1


def _tried(
    learner: Learner,
    known: pd.DataFrame,
    chosen: NDArray[np.intp],
    cut: int,
    *,
    first: int,
    seed: int,
) -> _Candidate:
    model_type = learner.model_type
    rows, newest = known.iloc[chosen], known.iloc[cut:]
    model = learner.fit(rows, column_kinds(rows, learner.features(rows)), seed=seed)
    scored = model.scored(newest)
    metric = learner.metric
    compared = metric if metric.has_losses else get_metric(_compared_by(model_type))
    return _Candidate(
        first=first,
        rows=len(known) - first,
        score=score(metric, scored),
        losses=np.asarray(losses(compared, scored)),
    )


def _compared_by(model_type: ModelType) -> str:
    """A metric that is a mean over rows, for one that is none, wanting much the same."""
    if model_type.task is not Task.CLASSIFICATION:
        return "rmse"
    return "log_loss" if model_type.metric == "roc_auc" else "accuracy"


def _choice(
    candidates: Sequence[_Candidate], times: NDArray[np.datetime64], cut: int, *, metric: Metric
) -> WindowChoice:
    position, excess, errors = longest_as_good([c.losses for c in candidates])
    longest, chosen = candidates[0], candidates[position]
    known, newest = len(times), len(times) - cut
    if position == 0:
        reason = (
            f"All {longest.rows:,} rows before the holdout are learnt from: no shorter window did "
            f"surely better on the newest {newest:,} of them."
        )
    else:
        reason = (
            f"Only the newest {chosen.rows:,} of {known:,} rows before the holdout are learnt "
            f"from: a model of them reached {metric.label} {chosen.score:.3f} on the newest "
            f"{newest:,}, one of all {longest.rows:,} rows {longest.score:.3f}."
        )
    tried = [
        {
            "rows": candidate.rows,
            "window_start": _moment(times[candidate.first]).isoformat(),
            "score": candidate.score if np.isfinite(candidate.score) else None,
            "excess_loss": float(excess[index]),
            "standard_error": float(errors[index]),
        }
        for index, candidate in enumerate(candidates)
    ]
    return WindowChoice(
        start=_moment(times[chosen.first]),
        reason=reason,
        figures={
            "known_rows": known,
            "validation_rows": newest,
            "chosen_rows": chosen.rows,
            "metric": metric.name,
            "candidates": tried,
        },
    )


def _moment(time: np.datetime64) -> datetime:
    moment: datetime = time.astype("datetime64[us]").item()
    return moment.replace(tzinfo=UTC)
