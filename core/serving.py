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
from core.datasets.predicted import without_prediction
from core.domain import Champion, Environment, ModelType
from core.engines.fitted_model import FittedModel
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
    since: datetime | None  # None: what had no prediction yet


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

    New are rows that have no prediction in the table yet, by any model, and whose label was not
    known when the champion's training window ended. With ``since`` all rows later than that are
    predicted, known or not, again or not.

    Parameters
    ----------
    table
        ``name`` or ``schema.name``; made when it is not there, with the key columns, the time,
        ``prediction``, ``confidence``, ``model_id`` and ``predicted_at``.
    since
        Exclusive; what the champion predicted of these rows before is overwritten.

    Raises
    ------
    NotFound
        No model serves.
    DataError, InvalidRequest
        The rows cannot be read, or the table is another one.
    """
    served = load_served_model(settings, model_type, environment)
    url, keys = settings.require_database_url(), list(served.model_type.key_columns)
    if since is None:
        frame = _rows_to_predict(served, url, unknown_at=served.champion.window_end)
        frame = frame[without_prediction(url, table, frame[keys])]
    else:
        frame = _rows_to_predict(served, url, start=since)
    predicted = _predicted(served, frame, now or datetime.now(UTC))
    return Predictions(
        rows=write_predictions(url, table, predicted, key_columns=keys),
        table=table,
        model_type=model_type,
        model_version=served.champion.model_version,
        since=since,
    )


def _rows_to_predict(
    served: ServedModel,
    database_url: str,
    *,
    start: datetime | None = None,
    unknown_at: datetime | None = None,
) -> pd.DataFrame:
    """Keys, time and what the served model was trained on: today's features may be others."""
    definition = served.model_type
    names = (*definition.key_columns, definition.time_column, *served.model.feature_columns)
    return read_rows(
        database_url,
        definition,
        visible_at=_NO_END,
        end=_NO_END,
        start=start,
        labelled=False,
        unknown_at=unknown_at,
        columns=names,
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
