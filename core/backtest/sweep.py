"""The same history under other thresholds: what each pair of them costs and buys."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import product

import pandas as pd

from core.backtest.data import OwnParts
from core.backtest.figures import PolicyFigures, policy_figures
from core.backtest.records import Policy
from core.backtest.replay import replay
from core.domain import ModelType

# Halves and doubles of the model type's own thresholds: wide enough to see which way is better.
_TIMES = (0.5, 1.0, 2.0)
_PROCESSES = 2


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What Refit does with one pair of thresholds.

    Attributes
    ----------
    retraining_threshold, auto_deployment_threshold : float
        In place of the model type's own.
    figures : PolicyFigures
    """

    retraining_threshold: float
    auto_deployment_threshold: float
    figures: PolicyFigures


def grid_around(model_type: ModelType) -> list[tuple[float, float]]:
    """Half, once and twice each of the model type's two thresholds, paired with each other.

    Parameters
    ----------
    model_type : ModelType

    Returns
    -------
    list of (float, float)
        Retraining and deployment thresholds: nine pairs, fewer where one of the thresholds is 0.

    Examples
    --------
    >>> from core.domain import Task
    >>> kind = ModelType(name="a", source_relation="a", key_columns=("id",), time_column="at",
    ...     target_column="y", feature_columns=("x",), task=Task.REGRESSION, metric="mae")
    >>> grid_around(kind)[:4]
    [(0.015, 0.01), (0.015, 0.02), (0.015, 0.04), (0.03, 0.01)]
    """
    retraining = [times * model_type.retraining_threshold for times in _TIMES]
    deployment = [times * model_type.auto_deployment_threshold for times in _TIMES]
    return list(dict.fromkeys(product(retraining, deployment)))


def sweep(
    frame: pd.DataFrame,
    model_type: ModelType,
    pairs: Sequence[tuple[float, float]],
    *,
    start: datetime,
    step: timedelta,
    own: OwnParts | None = None,
    on_cell: Callable[[Cell], None] | None = None,
) -> tuple[Cell, ...]:
    """Replay Refit under each pair of thresholds, in two processes.

    Parameters
    ----------
    frame, model_type, start, step, own
        As in :func:`core.backtest.replay.replay`.
    pairs : sequence of (retraining threshold, deployment threshold)
        E.g. :func:`grid_around`.
    on_cell : callable or None
        Told of each pair as it is done.

    Returns
    -------
    tuple of Cell
        In the order of the pairs.

    Raises
    ------
    RefitError
        As in :func:`core.backtest.replay.replay`; the pairs that wait are given up.

    Examples
    --------
    See :func:`core.backtest.replay.replay`.
    """
    # spawn: a fork of a process in which OpenMP has run may hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(_PROCESSES, mp_context=context) as pool:
        waiting = {
            pool.submit(_cell, frame, model_type, pair, start, step, own): pair for pair in pairs
        }
        done = {}
        try:
            for future in as_completed(waiting):
                cell = done[waiting[future]] = future.result()
                if on_cell is not None:
                    on_cell(cell)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return tuple(done[pair] for pair in pairs)


def _cell(
    frame: pd.DataFrame,
    model_type: ModelType,
    pair: tuple[float, float],
    start: datetime,
    step: timedelta,
    own: OwnParts | None,
) -> Cell:
    retraining, deployment = pair
    model_type = replace(
        model_type, retraining_threshold=retraining, auto_deployment_threshold=deployment
    )
    found = replay(
        frame,
        model_type,
        start=start,
        step=step,
        policies=(Policy.REFIT,),
        own=own,
    )
    return Cell(
        retraining_threshold=retraining,
        auto_deployment_threshold=deployment,
        figures=policy_figures(found)[Policy.REFIT],
    )
