"""Loading the model that serves, and judging it on new rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from core.artifacts import ArtifactStore
from core.datasets import read_rows
from core.domain import Champion, ModelType
from core.engines.fitted_model import FittedModel
from core.engines.time_split import is_after
from core.errors import ArtifactError
from core.monitoring.performance import check_performance
from core.worker.recorded_predictions import predict_recorded, reproduces
from core.worker.resources import Resources

CHECK_WINDOW_DAYS = 7


@dataclass(frozen=True, kw_only=True)
class LoadedChampion:
    """A served model, and what is wrong with it when it no longer predicts what it did."""

    model: FittedModel
    mismatch: str | None


def load_model(
    store: ArtifactStore, artifact_hash: str, *, engine: str, trusted_types: tuple[str, ...]
) -> FittedModel:
    """The fitted model under this hash.

    Raises
    ------
    ArtifactError
        When it is missing, damaged, not trusted, or no model of ours.
    """
    model = store.get(artifact_hash, engine=engine, extra_types=trusted_types)
    if not isinstance(model, FittedModel):
        raise ArtifactError(f"The artifact {artifact_hash} holds no model of Refit's.")
    return model


def load_served(store: ArtifactStore, champion: Champion, resources: Resources) -> LoadedChampion:
    """The champion's served fit, asked for its recorded predictions again."""
    model = load_model(
        store,
        champion.artifact_hash,
        engine=champion.engine,
        trusted_types=resources.trusted_types,
    )
    recorded = store.read_metadata(champion.artifact_hash)["recorded"]
    mismatch = None
    if not reproduces(*predict_recorded(model, recorded)):
        mismatch = (
            f"Version {champion.model_version} no longer gives the predictions that it gave when "
            "it was stored; the libraries it was trained with were "
            + ", ".join(f"{k} {v}" for k, v in sorted(champion.library_versions.items()))
            + "."
        )
    return LoadedChampion(model=model, mismatch=mismatch)


def judge_champion(
    resources: Resources,
    model_type: ModelType,
    champion: Champion | None,
    served: LoadedChampion | None,
    *,
    evaluated_at: datetime,
    window_days: int = CHECK_WINDOW_DAYS,
    threshold: float | None = None,
) -> dict[str, Any]:
    """A performance check's result, as the API shows it.

    Rows count when they were labelled in the window and are newer than everything that the
    champion's training saw.
    """
    start = evaluated_at - timedelta(days=window_days)
    if champion is None or served is None:
        return _nothing_serves(model_type, start, evaluated_at, window_days, threshold)
    frame = read_rows(
        resources.database_url,
        model_type,
        visible_at=evaluated_at,
        start=start,
        end=evaluated_at,
        window_by="label_time",
    )
    frame = frame[is_after(frame, model_type, champion.window_end)]
    check = check_performance(
        model_type=model_type,
        model=served.model,
        frame=frame,
        reference=champion.reference,
        threshold=threshold,
    )
    return check.as_json() | {
        "model_type": model_type.name,
        "model_id": str(champion.model_id),
        "model_version": champion.model_version,
        "deployment_id": str(champion.deployment_id),
        "time_window": window_days,
        "window_start": start.isoformat(),
        "window_end": evaluated_at.isoformat(),
        "drift": None,
        "artifact_mismatch": served.mismatch,
    }


def _nothing_serves(
    model_type: ModelType,
    start: datetime,
    end: datetime,
    window_days: int,
    threshold: float | None,
) -> dict[str, Any]:
    check = check_performance(
        model_type=model_type,
        model=None,
        frame=pd.DataFrame(),
        reference=None,
        threshold=threshold,
    )
    return check.as_json() | {
        "model_type": model_type.name,
        "model_id": None,
        "model_version": None,
        "deployment_id": None,
        # Without a champion the first training is what is needed.
        "needs_retraining": True,
        "time_window": window_days,
        "window_start": start.isoformat(),
        "window_end": end.isoformat(),
        "drift": None,
        "artifact_mismatch": None,
    }
