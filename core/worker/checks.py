"""Judging the model that serves by the rows since its training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from core.datasets import needed_columns, read_rows
from core.domain import Champion, ModelType
from core.engines.fitted_model import FittedModel
from core.monitoring.check import (
    Watched,
    check_champion,
    read_labels_from,
    read_rows_from,
    state_after_attempt,
)
from core.monitoring.profile import ReferenceProfile
from core.worker.champions import LoadedChampion
from core.worker.resources import Resources

CHECK_WINDOW_DAYS = 7


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
    return read_rows(
        resources.database_url,
        model_type,
        visible_at=end,
        start=start,
        end=end,
        window_by="label_time",
        columns=_columns(model_type, models),
    )


def read_recent(
    resources: Resources,
    model_type: ModelType,
    *,
    models: Iterable[FittedModel] = (),
    start: datetime,
    end: datetime,
) -> pd.DataFrame:
    """All rows whose own time is in ``(start, end]``, whatever their target.

    Parameters
    ----------
    resources : Resources
    model_type : ModelType
    models : iterable of FittedModel
        As for :func:`read_labelled`.
    start, end : datetime
    """
    return read_rows(
        resources.database_url,
        model_type,
        visible_at=end,
        start=start,
        end=end,
        labelled=False,
        columns=_columns(model_type, models),
    )


def _columns(model_type: ModelType, models: Iterable[FittedModel]) -> tuple[str, ...]:
    columns = dict.fromkeys(needed_columns(model_type))
    for model in models:
        columns |= dict.fromkeys(model.feature_columns)
    return tuple(columns)


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

    Rows count when they are newer than everything that the champion's training saw, its holdout
    included.

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

    Returns
    -------
    dict
        Beside what it found also ``monitor``, for the database alone: what is left behind for the
        next check, and the revision of what the last one left. It is not there where ``counts``
        is False: a question with a threshold or window of its own, or one about a time before the
        last check, is answered and changes nothing.
    """
    window = timedelta(days=window_days)
    start = evaluated_at - window
    watched, drift_missing, labelled, recent = None, None, pd.DataFrame(), pd.DataFrame()
    if served is not None:
        profile, drift_missing = profile_of(served)
        watched = _watched(served, profile)
        labels_from = read_labels_from(watched, model_type, as_of=evaluated_at, window=window)
        models = [served.model]
        labelled = read_labelled(
            resources, model_type, models=models, start=labels_from, end=evaluated_at
        )
        rows_from = read_rows_from(watched, model_type, as_of=evaluated_at, window=window)
        recent = read_recent(
            resources, model_type, models=models, start=rows_from, end=evaluated_at
        )
    checked = check_champion(
        model_type=model_type,
        watched=watched,
        labelled=labelled,
        recent=recent,
        as_of=evaluated_at,
        window=window,
        threshold=threshold,
        custom_window=window_days != CHECK_WINDOW_DAYS,
        metrics=resources.own_metrics(model_type.metric),
    )
    champion = served.champion if served else None
    result = checked.check.as_json() | {
        "model_type": model_type.name,
        "model_id": champion and champion.model_id,
        "model_version": champion and champion.model_version,
        "deployment_id": champion and champion.deployment_id,
        "time_window": window_days,
        "window_start": start,
        "window_end": evaluated_at,
        "drift_missing": drift_missing,
        "artifact_mismatch": served.mismatch if served else None,
        "counts": checked.state is not None,
    }
    if champion is not None and checked.state is not None:
        result["monitor"] = _left_behind(champion, checked.state, evaluated_at)
    return result


def after_attempt(check: Mapping[str, Any] | None, at: datetime) -> dict[str, Any] | None:
    """What a job leaves behind in place of its check's, once it has begun a training.

    None where its check leaves nothing behind either.
    """
    if check is None or "monitor" not in check:
        return None
    left: Mapping[str, Any] = check["monitor"]
    return dict(left) | {"state": state_after_attempt(left["state"], at)}


def _left_behind(
    champion: Champion, state: Mapping[str, Any], seen_until: datetime
) -> dict[str, Any]:
    revision = champion.monitor.revision if champion.monitor else None
    return {"revision_read": revision, "seen_until": seen_until, "state": state}


def _watched(served: LoadedChampion, profile: ReferenceProfile | None) -> Watched:
    champion = served.champion
    return Watched(
        model=served.model,
        reference=champion.reference,
        profile=profile,
        since=champion.window_end,
        monitor=champion.monitor,
    )


def profile_of(served: LoadedChampion) -> tuple[ReferenceProfile | None, str | None]:
    """The champion's profile, or why there is none: its labels can be judged without one."""
    version = served.champion.model_version
    page = served.page.get("profile")
    if page is None:
        return None, (
            f"Version {version} was trained before Refit kept a profile of what a model learnt "
            "from: drift shows again from the next training on."
        )
    try:
        return ReferenceProfile.from_json(page), None
    except (KeyError, TypeError, ValueError) as exc:
        return None, (
            f"The profile of version {version} cannot be read ({type(exc).__name__}: {exc}): "
            "drift shows again from the next training on."
        )
