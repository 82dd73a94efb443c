"""Using the model that serves: in a Python program, or to write predictions into a table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import SecretStr

from core.database import PostgresDatabase
from core.datasets import read_rows, write_predictions
from core.datasets.predicted import newest_predicted
from core.domain import Champion, Environment, ModelType
from core.engines.fitted_model import FittedModel
from core.engines.time_split import is_after
from core.errors import ArtifactError, NotFound
from core.settings import Settings, get_settings
from core.store import LOCAL_ADMIN, Store
from core.worker.champions import load_served
from core.worker.resources import Resources

_BATCH_ROWS = 50_000
# Rows may lie in the future: a post is planned, and predicted before it is published.
_NO_END = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """A champion with its model type and its fitted model, checked."""

    model_type: ModelType
    champion: Champion
    model: FittedModel


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """What was written."""

    rows: int
    table: str
    model_type: str
    model_version: int
    since: datetime


def load_champion(
    model_type: str, *, environment: str = "production", settings: Settings | None = None
) -> FittedModel:
    """The fitted model that serves, from the artifact store, its hash and predictions checked.

    Finds everything through ``DATABASE_URL`` and ``REFIT_ARTIFACTS_URL``; without them through
    the local servers below ``REFIT_HOME``, which must be running.

    Parameters
    ----------
    model_type
        Name of the model type, e.g. ``churn``.
    environment
        ``production``, ``staging`` or ``development``.
    settings
        Instead of those of the process.

    Returns
    -------
    FittedModel
        ``predict``, ``predict_proba``, ``confidence`` and ``interval`` take a DataFrame with the
        feature columns.

    Raises
    ------
    NotFound
        No model serves.
    ArtifactError
        The artifact is missing, damaged or not trusted, or no longer predicts what it did.
    """
    addressed = with_local_addresses(settings or get_settings())
    return load_served_model(addressed, model_type, Environment(environment)).model


def load_served_model(settings: Settings, model_type: str, environment: Environment) -> ServedModel:
    """The champion and what belongs to it; errors as :func:`load_champion`."""
    resources = Resources.from_settings(settings)
    database = PostgresDatabase(resources.database_url, max_connections=1)
    try:
        store = Store(database, actor=LOCAL_ADMIN)
        definition = store.get_model_type(model_type)
        champion = store.get_champion(model_type, environment)
    finally:
        database.close()
    if champion is None:
        raise NotFound(
            f"No model of {model_type} serves {environment}.",
            hint=f"Train one: refit retrain {model_type} --force --wait",
        )
    served = load_served(resources.artifacts(), champion, resources)
    if served.mismatch is not None:
        raise ArtifactError(
            served.mismatch, hint=f"Train it anew: refit retrain {model_type} --force --wait"
        )
    return ServedModel(model_type=definition, champion=champion, model=served.model)


def predict_into(
    settings: Settings,
    model_type: str,
    table: str,
    *,
    since: datetime | None = None,
    environment: Environment = Environment.PRODUCTION,
    now: datetime | None = None,
) -> Predictions:
    """Predict new rows with the champion and write them, all in one transaction.

    New rows are those whose time is later than ``since``. Without it, than the newest row that
    has a prediction in the table already; the first time, those whose label was not known yet
    when the champion's training window ended. Rows that arrive late, with a time before the
    newest predicted one, need ``since``.

    Parameters
    ----------
    table
        ``name`` or ``schema.name``; made when it is not there, with the key columns, the time,
        ``prediction``, ``confidence``, ``model_id`` and ``predicted_at``.
    since
        Exclusive.

    Raises
    ------
    NotFound
        No model serves.
    DataError, InvalidRequest
        The rows cannot be read, or the table is another one.
    """
    served = load_served_model(settings, model_type, environment)
    definition, champion = served.model_type, served.champion
    url = settings.require_database_url()
    start = since or newest_predicted(url, table, definition.time_column)
    first_time = start is None
    if start is None:
        start = champion.window_end - definition.label_delay
    frame = read_rows(
        url,
        definition,
        visible_at=_NO_END,
        start=start,
        end=_NO_END,
        labelled=False,
        columns=_columns(definition),
    )
    if first_time:
        frame = frame[is_after(frame, definition, champion.window_end)]
    written = write_predictions(
        url,
        table,
        _predicted(served, frame, now or datetime.now(UTC)),
        key_columns=definition.key_columns,
    )
    return Predictions(
        rows=written,
        table=table,
        model_type=model_type,
        model_version=champion.model_version,
        since=start,
    )


def _columns(model_type: ModelType) -> tuple[str, ...]:
    label_time = (model_type.label_time_column,) if model_type.label_time_column else ()
    return (
        *model_type.key_columns,
        model_type.time_column,
        *label_time,
        *model_type.feature_columns,
    )


def _predicted(served: ServedModel, frame: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """Keys, time, prediction and confidence of each row; batches bound the memory of features."""
    names = dict.fromkeys((*served.model_type.key_columns, served.model_type.time_column))
    predictions: list[NDArray[np.generic]] = []
    confidences: list[NDArray[np.float64]] = []
    for first in range(0, len(frame), _BATCH_ROWS):
        batch = frame.iloc[first : first + _BATCH_ROWS]
        predicted, confidence = served.model.predict_with_confidence(batch)
        predictions.append(predicted)
        confidences.append(confidence)
    return frame[list(names)].assign(
        prediction=np.concatenate(predictions) if predictions else [],
        confidence=np.concatenate(confidences) if confidences else [],
        model_id=str(served.champion.model_id),
        predicted_at=pd.Timestamp(now),
    )


def with_local_addresses(settings: Settings) -> Settings:
    """Settings with the addresses of the running local servers where none are configured.

    Raises
    ------
    EmbeddedServerError
        They do not run.
    """
    from core.embedded.stack import absolute, postgres_of

    home = absolute(settings.home)
    changes: dict[str, object] = {}
    if settings.database_url is None and settings.supabase_url is None:
        changes["database_url"] = SecretStr(postgres_of(home).url)
        if settings.artifacts_url is None:
            changes["artifacts_url"] = (home / "artifacts").as_uri()
    return settings.model_copy(update=changes)
