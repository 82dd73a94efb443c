"""Predictions of the walk: made by what served at their time, and stored in the database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid5

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from core.artifacts import ArtifactStore
from core.backtest.records import Policy
from core.datasets import write_predictions
from core.datasets.connection import read_only
from core.datasets.identifiers import RelationName
from core.demo.records import Subject
from core.domain import Champion
from core.engines.columns import target_values
from core.engines.fitted_model import FittedModel
from core.errors import RefitError
from core.settings import Settings
from core.store import Store
from core.worker.champions import load_served
from core.worker.resources import Resources


class Served:
    """The champions, loaded from the artifact store as any program would, each one once."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._resources = Resources.from_settings(settings)
        self._artifacts: ArtifactStore = self._resources.artifacts()
        self._loaded: dict[str, tuple[UUID, FittedModel]] = {}

    def champion(self, subject: Subject) -> Champion:
        """The deployment that serves.

        Raises
        ------
        RefitError
            None does.
        """
        champion = self._store.get_champion(subject.model_type.name)
        if champion is None:
            raise RefitError(f"No model of {subject.model_type.name} serves.")
        return champion

    def model(self, subject: Subject, champion: Champion) -> FittedModel:
        """The champion's fit, checked when it is loaded."""
        name = subject.model_type.name
        kept = self._loaded.get(name)
        if kept is None or kept[0] != champion.deployment_id:
            served = load_served(self._artifacts, champion, self._resources)
            if served.mismatch:
                raise RefitError(served.mismatch)
            kept = self._loaded[name] = (champion.deployment_id, served.model)
        return kept[1]


def store_predictions(
    database_url: str,
    subject: Subject,
    rows: pd.DataFrame,
    models: Mapping[Policy, tuple[UUID, FittedModel]],
    *,
    as_of: datetime,
) -> None:
    """Predict rows under each policy, and store what was predicted beside what was true.

    Parameters
    ----------
    rows : DataFrame of n labelled rows
    models : mapping of Policy to (model id, fitted model)
        What serves at ``as_of``.
    """
    if rows.empty:
        return
    model_type = subject.model_type
    shared = pd.DataFrame(
        {
            "row_key": rows[model_type.key_columns[0]].to_numpy(),
            "row_time": rows[model_type.time_column].array,
            "actual": target_values(rows, model_type.target_column, model_type.task),
            # Accuracy is what the walk measures; a confidence would cost a second prediction.
            "confidence": np.nan,
            "predicted_at": pd.Timestamp(as_of),
        }
    )
    with threadpool_limits(1):  # so few rows gain nothing from more
        predicted = [
            shared.assign(
                policy=str(policy), model_id=str(model_id), prediction=model.predict(rows)
            )
            for policy, (model_id, model) in models.items()
        ]
    write_predictions(
        database_url,
        subject.predictions_table,
        pd.concat(predicted, ignore_index=True),
        key_columns=("policy", "row_key"),
    )


def read_predictions(database_url: str, subject: Subject) -> pd.DataFrame:
    """Everything that was stored for a subject: ``policy, row_time, actual, prediction``."""
    table = RelationName.parse(subject.predictions_table).quoted
    with read_only(database_url) as tx:
        stored = tx.fetch_table(f"select policy, row_time, actual, prediction from {table}")  # noqa: S608 — quoted
    frame: pd.DataFrame = stored.to_pandas()
    return frame


def baseline_id(subject: Subject, policy: Policy, trained_at: datetime) -> UUID:
    """An id for a bare fit, which is no row of ``ml_models``."""
    return uuid5(NAMESPACE_URL, f"{subject.model_type.name}/{policy}/{trained_at.isoformat()}")
