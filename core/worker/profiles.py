"""The profile of a newly trained model: what later rows, and later labels, are compared with."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from core.datasets import read_rows
from core.domain import ModelType
from core.engines.continuous_learning import TrainedModel
from core.engines.label_free import learn_reference
from core.engines.time_split import Parts
from core.monitoring.check_rows import coverage_columns
from core.monitoring.maturity import labelled_share
from core.monitoring.profile import ReferenceProfile, make_profile
from core.worker.resources import Resources


def profile_trained(
    resources: Resources,
    model_type: ModelType,
    trained: TrainedModel,
    parts: Parts,
    *,
    as_of: datetime,
) -> ReferenceProfile:
    """Profile what the approved fit learnt from and was judged by.

    Parameters
    ----------
    resources : Resources
    model_type : ModelType
    trained : TrainedModel
    parts : Parts
        The rows of its plan.
    as_of : datetime
        Labels that were not known by then are not there.
    """
    seed = model_type.random_seed
    profile = make_profile(
        model_type,
        trained.model,
        parts.train,
        parts.holdout,
        seed=seed,
        estimate=learn_reference(trained.model, parts.holdout, metric=model_type.metric, seed=seed),
        metrics=resources.own_metrics(model_type.metric),
    )
    delay = timedelta(seconds=profile.usual_delay_seconds)
    start, end = trained.plan.train_end - delay, trained.plan.window_end
    return replace(
        profile,
        label_coverage=_label_coverage(resources, model_type, delay, start, end, as_of=as_of),
    )


def _label_coverage(
    resources: Resources,
    model_type: ModelType,
    delay: timedelta,
    start: datetime,
    end: datetime,
    *,
    as_of: datetime,
) -> float | None:
    """Which share of all rows from the time of the holdout has its label."""
    rows = read_rows(
        resources.database_url,
        model_type,
        visible_at=as_of,
        start=start,
        end=end,
        labelled=False,
        columns=coverage_columns(model_type),
    )
    return labelled_share(rows, model_type, delay=delay, as_of=as_of)[1]
