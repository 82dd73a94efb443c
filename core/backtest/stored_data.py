"""The rows of a model type as its workers read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.backtest.data import BacktestData, OwnParts
from core.backtest.history import History
from core.backtest.timeline import first_training
from core.datasets import read_rows
from core.domain import ModelType
from core.errors import DataError
from core.worker.resources import Resources

_ALL_TIME = datetime(9999, 12, 31, tzinfo=UTC)


def read_stored_data(
    resources: Resources, model_type: ModelType, *, step: timedelta, share: float
) -> BacktestData:
    """All rows, labelled or not, in one read-only transaction.

    Parameters
    ----------
    resources : Resources
        Of a worker: the database, and what is allow-listed.
    model_type : ModelType
    step : timedelta
        From look to look.
    share : float
        Of the rows for the first training, in (0, 1).

    Returns
    -------
    BacktestData

    Raises
    ------
    DataError
        No row has a label, or the rows cannot be read.
    InvalidRequest
        The share of the rows for the first training leaves none on one of its sides.

    Examples
    --------
    See :func:`core.backtest.csv_data.read_csv_data`.
    """
    frame = read_rows(resources.database_url, model_type, visible_at=_ALL_TIME, labelled=False)
    history = History(frame, model_type)
    if not len(history):
        raise DataError(
            f"No row of {model_type.source_relation} has a label.",
            hint="Wait for labels; a backtest learns from what is known.",
        )
    return BacktestData(
        frame=frame,
        model_type=model_type,
        start=first_training(history.known, share),
        step=step,
        own=OwnParts(
            factories=resources.factories(model_type.engine),
            metrics=resources.own_metrics(model_type.metric),
        ),
    )
