"""Model-type definitions: from what a person wrote to what the database takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from core.domain import DRY_RUN_GATES, ModelType, Task, refusal_of_dry_runs
from core.errors import InvalidRequest

if TYPE_CHECKING:
    from core.datasets import Relation
    from core.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a person said of a new model type; what is left out follows from the relation."""

    name: str
    source: str
    target: str
    time: str | None = None
    label_time: str | None = None
    keys: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    task: Task | None = None
    settings: Mapping[str, Any]  # fields of ModelType that are taken as they are


def define(database_url: str, wish: Wish) -> tuple[ModelType, tuple[str, ...]]:
    """The whole definition, and notes on the columns that are no features.

    Raises
    ------
    DataError
        The relation or a column does not exist or cannot be used.
    InvalidRequest
        It is not clear when rows happened, or what is excluded is not there.
    """
    from core.datasets import describe_relation, suggest_definition

    relation = describe_relation(database_url, wish.source)
    found = suggest_definition(
        database_url,
        relation,
        target=wish.target,
        time_column=wish.time or _only_time(relation, wish.label_time),
        label_time_column=wish.label_time,
        key_columns=wish.keys,
        feature_columns=wish.features,
        task=wish.task,
    )
    for name in wish.exclude:
        relation.column(name)
    settings = dict(wish.settings)
    metric = settings.pop("metric", None) or found.metric
    model_type = ModelType(
        name=wish.name,
        source_relation=found.source_relation,
        key_columns=found.key_columns,
        time_column=found.time_column,
        label_time_column=found.label_time_column,
        target_column=found.target_column,
        feature_columns=_without(found.feature_columns, wish.exclude),
        task=found.task,
        metric=metric,
        **settings,
    )
    return model_type, found.notes


def _only_time(relation: Relation, label_time: str | None) -> str:
    times = [c.name for c in relation.columns if c.kind.is_time and c.name != label_time]
    if len(times) == 1:
        return times[0]
    raise InvalidRequest(
        f"It is not clear when the rows of {relation.qualified_name} happened "
        f"(columns with times: {', '.join(times) or 'none'}).",
        hint="Name one with --time.",
    )


def _without(features: Sequence[str], exclude: Sequence[str]) -> tuple[str, ...]:
    kept = tuple(name for name in features if name not in exclude)
    if not kept:
        raise InvalidRequest("With --exclude no feature is left.", hint="Exclude fewer columns.")
    return kept


def check_engine(engine: str, settings: Settings) -> None:
    """Refuse an engine that no worker would run.

    Raises
    ------
    InvalidRequest
        It is neither built in nor allowed by REFIT_ENGINES.
    """
    from core.engines.pipelines import BUILT_IN_ENGINES

    allowed = [name.strip() for name in settings.engines.split(",") if name.strip()]
    if engine not in {*BUILT_IN_ENGINES, *allowed}:
        raise InvalidRequest(
            f"There is no engine {engine!r}. Known: {', '.join([*BUILT_IN_ENGINES, *allowed])}.",
            hint="Allow one of your own, package.module:factory, with REFIT_ENGINES.",
        )


def check_metric(metric: str, settings: Settings) -> None:
    """Refuse a metric of the user's own that no worker would run.

    Raises
    ------
    InvalidRequest
        It is named by import path, and REFIT_METRICS does not allow it.
    """
    allowed = [name.strip() for name in settings.metrics.split(",") if name.strip()]
    if ":" in metric and metric not in allowed:
        raise InvalidRequest(
            f"The metric {metric!r} is not allowed.",
            hint="Allow metrics of your own, package.module:name, with REFIT_METRICS.",
        )


def check_gates(names: Sequence[str]) -> None:
    """Refuse gates that cannot be a dry run.

    Raises
    ------
    InvalidRequest
        Which and why, and those that can be one.
    """
    if refusal := refusal_of_dry_runs(names):
        raise InvalidRequest(
            refusal, hint=f"Give --dry-run-gates names of {', '.join(DRY_RUN_GATES)}, or none."
        )


def as_definition(model_type: ModelType) -> dict[str, Any]:
    """A model type as ``create_model_type`` takes it: plain JSON values."""
    return {f.name: as_column(getattr(model_type, f.name)) for f in fields(model_type)}


def json_of(model_type: ModelType) -> dict[str, Any]:
    """A model type as the API shows it: intervals as numbers of seconds."""
    shown = {f.name: as_column(getattr(model_type, f.name)) for f in fields(model_type)}
    for name in ("label_delay", "training_window", "cool_down", "recency_half_life"):
        interval: timedelta | None = getattr(model_type, name)
        del shown[name]
        shown[f"{name}_seconds"] = None if interval is None else interval.total_seconds()
    return shown


def as_column(value: Any) -> Any:
    """One field as the database takes it; intervals as seconds."""
    if isinstance(value, timedelta):
        return f"{value.total_seconds()} seconds"
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    return str(value) if isinstance(value, StrEnum) else value
