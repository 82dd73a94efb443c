"""Judging the model that serves by the rows since its training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from core.datasets import needed_columns, read_rows
from core.domain import Champion, ModelType
from core.engines.fitted_model import FittedModel
from core.monitoring.check import Watched, check_champion
from core.monitoring.check_rows import (
    CheckRows,
    RowsNeeded,
    Span,
    coverage_columns,
    rows_needed,
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


def read_for_check(
    resources: Resources, model_type: ModelType, model: FittedModel, needed: RowsNeeded
) -> CheckRows:
    """Read what a check asks for, and no more.

    Parameters
    ----------
    resources : Resources
    model_type : ModelType
    model : FittedModel
        The champion: its features may be others than those of today.
    needed : RowsNeeded
    """
    features, few = _columns(model_type, [model]), coverage_columns(model_type)

    def read(
        span: Span | None, columns: tuple[str, ...], *, unknown_at: datetime | None = None
    ) -> pd.DataFrame:
        if span is None:
            return pd.DataFrame()
        return read_rows(
            resources.database_url,
            model_type,
            visible_at=needed.counting.end,
            start=span.start,
            end=span.end,
            labelled=False,
            unknown_at=unknown_at,
            columns=columns,
        )

    return CheckRows(
        labelled=read_rows(
            resources.database_url,
            model_type,
            visible_at=needed.counting.end,
            start=needed.counting.start,
            end=needed.counting.end,
            window_by="label_time",
            least_delay=needed.delay,
            columns=features,
        ),
        recent=read(needed.recent, features),
        waiting=read(needed.waiting, features, unknown_at=needed.counting.end),
        due=read(needed.due, few),
        due_before=read(needed.due_before, few),
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
    watched, drift_missing, rows = None, None, CheckRows()
    if served is not None:
        profile, drift_missing = profile_of(served)
        watched = _watched(served, profile)
        needed = rows_needed(watched, model_type, as_of=evaluated_at, window=window)
        rows = read_for_check(resources, model_type, served.model, needed)
    checked = check_champion(
        model_type=model_type,
        watched=watched,
        rows=rows,
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
        attempted_at=champion.attempted_at,
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
