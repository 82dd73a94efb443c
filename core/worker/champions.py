"""Loading models, among them the one that serves, and judging it on new rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from core.artifacts import ArtifactStore
from core.datasets import needed_columns, read_rows
from core.domain import Champion, ModelType
from core.engines.fitted_model import FittedModel
from core.engines.time_split import is_after
from core.errors import ArtifactError
from core.monitoring.performance import check_performance
from core.worker.messages import ArtifactMismatch, Send
from core.worker.recorded_predictions import predict_recorded
from core.worker.resources import Resources

CHECK_WINDOW_DAYS = 7
UNCOMPARED = "A new model is compared with nothing: only an admin can deploy it, by force."


@dataclass(frozen=True, kw_only=True)
class LoadedChampion:
    """A served model, and what is wrong with it when it no longer predicts what it did.

    ``predicts`` is False where it raises in place of predicting: then nothing can be compared
    with it.
    """

    champion: Champion
    model: FittedModel
    mismatch: str | None
    predicts: bool = True


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
    """The champion's served fit, asked for its recorded predictions again.

    Raises
    ------
    ArtifactError
        When it cannot be loaded at all.
    """
    model = load_model(
        store,
        champion.artifact_hash,
        engine=champion.engine,
        trusted_types=resources.trusted_types,
    )
    reproduction = predict_recorded(model, store.read_metadata(champion.artifact_hash))
    return LoadedChampion(
        champion=champion,
        model=model,
        mismatch=None if reproduction.is_exact else _mismatch(champion, reproduction.error),
        predicts=reproduction.error is None,
    )


def _mismatch(champion: Champion, error: str | None) -> str:
    libraries = ", ".join(f"{k} {v}" for k, v in sorted(champion.library_versions.items()))
    what = (
        "no longer gives the predictions that it gave when it was stored"
        if error is None
        else f"no longer predicts ({error})"
    )
    return (
        f"Version {champion.model_version} {what}; the libraries it was trained with were "
        f"{libraries}."
    )


def load_champion(
    store: ArtifactStore, champion: Champion | None, resources: Resources, send: Send
) -> LoadedChampion | None:
    """The champion, where there is one; that it does not predict what it did is told at once.

    Raises
    ------
    ArtifactError
        When it cannot be loaded at all, which is told too unless it may pass by itself.
    """
    if champion is None:
        return None
    try:
        served = load_served(store, champion, resources)
    except ArtifactError as exc:
        if not exc.transient:
            detail = f"{exc} {UNCOMPARED}"
            send(ArtifactMismatch(deployment_id=champion.deployment_id, detail=detail))
        raise
    if served.mismatch is not None:
        detail = served.mismatch if served.predicts else f"{served.mismatch} {UNCOMPARED}"
        send(ArtifactMismatch(deployment_id=champion.deployment_id, detail=detail))
    return served


def load_working_champion(
    store: ArtifactStore, champion: Champion | None, resources: Resources, send: Send
) -> LoadedChampion | None:
    """The champion, where there is one, for work that cannot be done unless it predicts.

    Raises
    ------
    ArtifactError
        When it cannot be loaded, or raises in place of predicting.
    """
    served = load_champion(store, champion, resources, send)
    if served is not None and not served.predicts:
        raise ArtifactError(
            served.mismatch or "The champion does not predict.",
            hint="A retraining has been queued; an admin can deploy its model by force.",
        )
    return served


def read_labelled(
    resources: Resources,
    model_type: ModelType,
    *,
    models: Iterable[FittedModel] = (),
    start: datetime | None,
    end: datetime,
) -> pd.DataFrame:
    """Rows whose label became known in ``(start, end]``, as they could be seen at ``end``.

    Parameters
    ----------
    resources : Resources
    model_type : ModelType
    models : iterable of FittedModel
        Models to be judged on the rows: their features may be others than those of today.
    start : datetime or None
        None: all history.
    end : datetime
    """
    columns = dict.fromkeys(needed_columns(model_type))
    for model in models:
        columns |= dict.fromkeys(model.feature_columns)
    return read_rows(
        resources.database_url,
        model_type,
        visible_at=end,
        start=start,
        end=end,
        window_by="label_time",
        columns=tuple(columns),
    )


def judge_champion(
    resources: Resources,
    model_type: ModelType,
    served: LoadedChampion | None,
    *,
    evaluated_at: datetime,
    window_days: int = CHECK_WINDOW_DAYS,
    threshold: float | None = None,
) -> dict[str, Any]:
    """A performance check's result, as the API shows it.

    Rows count when they were labelled in the window and are newer than everything that the
    champion's training saw, its holdout included.

    Parameters
    ----------
    resources : Resources
    model_type : ModelType
    served : LoadedChampion or None
        None where nothing serves: then a first training is what is needed.
    evaluated_at : datetime
        End of the window.
    window_days : int
    threshold : float or None
        In place of the model type's own.
    """
    start = evaluated_at - timedelta(days=window_days)
    frame, reference = pd.DataFrame(), None
    if served is not None:
        rows = read_labelled(
            resources, model_type, models=[served.model], start=start, end=evaluated_at
        )
        frame = rows[is_after(rows, model_type, served.champion.window_end)]
        reference = served.champion.reference
    check = check_performance(
        model_type=model_type,
        model=served.model if served else None,
        frame=frame,
        reference=reference,
        threshold=threshold,
    )
    if served is None:
        check = replace(check, needs_retraining=True)
    return check.as_json() | {
        "model_type": model_type.name,
        "model_id": served.champion.model_id if served else None,
        "model_version": served.champion.model_version if served else None,
        "deployment_id": served.champion.deployment_id if served else None,
        "time_window": window_days,
        "window_start": start,
        "window_end": evaluated_at,
        "drift": None,
        "artifact_mismatch": served.mismatch if served else None,
    }
