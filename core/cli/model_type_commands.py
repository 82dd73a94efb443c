"""`refit model-types`: the prediction tasks."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Any

import typer

from core.cli.definitions import Wish, as_column, as_definition, check_engine, define, json_of
from core.cli.model_type_display import print_decided, print_model_type, print_model_types
from core.cli.model_type_options import (
    DeploymentThreshold,
    Description,
    Engine,
    Features,
    FinalFit,
    LabelDelay,
    Metric,
    MinSamples,
    Owner,
    Replay,
    RetrainingThreshold,
    Title,
    Window,
)
from core.cli.options import JsonOutput, read_interval, split_names
from core.cli.output import print_json, say
from core.cli.session import Session, open_session
from core.domain import ModelType, Task
from core.errors import InvalidRequest

model_types = typer.Typer(help="Prediction tasks: where their rows are, and what they mean.")


class BuiltIn(StrEnum):
    """Model types that come with Refit, over a table public.content_posts."""

    CONTENT_PERFORMANCE = "content_performance"
    ENGAGEMENT_PREDICTION = "engagement_prediction"


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(model_types, name="model-types")


@model_types.command()
def create(
    name: Annotated[str | None, typer.Argument(help="Lower-case letters, digits, _.")] = None,
    source: Annotated[str | None, typer.Option("--source", help="Table or view.")] = None,
    target: Annotated[str | None, typer.Option("--target", help="Column to predict.")] = None,
    time: Annotated[
        str | None, typer.Option("--time", help="When it happened; default: the only time column.")
    ] = None,
    label_time: Annotated[
        str | None, typer.Option("--label-time", help="When the target became known.")
    ] = None,
    label_delay: LabelDelay = None,
    keys: Annotated[
        str | None, typer.Option("--keys", help="Columns that tell rows apart; default: the key.")
    ] = None,
    features: Features = None,
    exclude: Annotated[
        str | None, typer.Option("--exclude", help="Columns that are no features.")
    ] = None,
    task: Annotated[Task | None, typer.Option("--task", help="Default: by the target.")] = None,
    engine: Engine = None,
    metric: Metric = None,
    training_window: Window = None,
    retraining_threshold: RetrainingThreshold = None,
    auto_deployment_threshold: DeploymentThreshold = None,
    min_training_samples: MinSamples = None,
    replay: Replay = None,
    final_fit: FinalFit = None,
    title: Title = None,
    description: Description = None,
    owner: Owner = None,
    builtin: Annotated[
        BuiltIn | None, typer.Option("--builtin", help="One that comes with Refit.")
    ] = None,
    as_json: JsonOutput = False,
) -> None:
    """Register a prediction task over a table or view, once its rows can be read."""
    given = _given(
        label_delay=read_interval(label_delay),
        engine=engine,
        metric=metric,
        training_window=read_interval(training_window),
        retraining_threshold=retraining_threshold,
        auto_deployment_threshold=auto_deployment_threshold,
        min_training_samples=min_training_samples,
        replay=replay,
        final_fit=final_fit,
        title=title,
        description=description,
        owner=owner,
    )
    with open_session() as session:
        if builtin is not None:
            _refuse_with_builtin(name, source, target)
            wished = replace(built_in(builtin), **given)
        else:
            wish = Wish(
                name=_needed(name, "a name"),
                source=_needed(source, "--source"),
                target=_needed(target, "--target"),
                time=time,
                label_time=label_time,
                keys=split_names(keys),
                features=split_names(features),
                exclude=split_names(exclude),
                task=task,
                settings=given,
            )
            wished = define(session.settings.require_database_url(), wish)
        created = register(session, wished)
    if as_json:
        print_json(json_of(created))
        return
    print_decided(created)
    say(f"Next:\n  refit retrain {created.name} --force --wait")


def built_in(name: BuiltIn) -> ModelType:
    """The definition of a model type that comes with Refit."""
    from core.engines.content_posts import content_model_types

    return next(t for t in content_model_types() if t.name == name)


def register(session: Session, wished: ModelType) -> ModelType:
    """Check that all rows can be read and the engine run, then create the model type.

    Raises
    ------
    DataError
        Something is missing; the hint holds the exact GRANT or POLICY. Nothing was created.
    """
    from core.datasets import check_access

    check_engine(wished.engine, session.settings)
    check_access(session.settings.require_database_url(), wished)
    return session.store.create_model_type(as_definition(wished))


@model_types.command("list")
def list_model_types(as_json: JsonOutput = False) -> None:
    """All model types."""
    with open_session() as session:
        found = session.store.list_model_types()
    if as_json:
        print_json({"items": [json_of(t) for t in found]})
    else:
        print_model_types(found)


@model_types.command()
def show(name: str, as_json: JsonOutput = False) -> None:
    """One model type, with every setting."""
    with open_session() as session:
        found = session.store.get_model_type(name)
    if as_json:
        print_json(json_of(found))
    else:
        print_model_type(found)


@model_types.command()
def update(
    name: str,
    enabled: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Whether requests mean it.")
    ] = None,
    label_delay: LabelDelay = None,
    features: Features = None,
    engine: Engine = None,
    metric: Metric = None,
    training_window: Annotated[
        str | None, typer.Option("--training-window", help="How far back, e.g. 12w, or all.")
    ] = None,
    retraining_threshold: RetrainingThreshold = None,
    auto_deployment_threshold: DeploymentThreshold = None,
    min_training_samples: MinSamples = None,
    replay: Replay = None,
    final_fit: FinalFit = None,
    title: Title = None,
    description: Description = None,
    owner: Owner = None,
    as_json: JsonOutput = False,
) -> None:
    """Change what may change; where its rows are and what they mean may not."""
    whole_history = training_window == "all"
    changes = _given(
        enabled=enabled,
        label_delay=read_interval(label_delay),
        feature_columns=split_names(features) or None,
        engine=engine,
        metric=metric,
        training_window=None if whole_history else read_interval(training_window),
        retraining_threshold=retraining_threshold,
        auto_deployment_threshold=auto_deployment_threshold,
        min_training_samples=min_training_samples,
        replay=replay,
        final_fit=final_fit,
        title=title,
        description=description,
        owner=owner,
    )
    if whole_history:
        changes["training_window"] = None
    if not changes:
        raise InvalidRequest("Nothing is to be changed.", hint="Name at least one option.")
    with open_session() as session:
        if engine is not None:
            check_engine(engine, session.settings)
        _check_features(session, name, changes)
        changed = session.store.update_model_type(
            name, {field: as_column(value) for field, value in changes.items()}
        )
    if as_json:
        print_json(json_of(changed))
    else:
        print_model_type(changed)


def _check_features(session: Session, name: str, changes: dict[str, Any]) -> None:
    """New features must be readable, or every later training would fail."""
    if "feature_columns" in changes:
        from core.datasets import check_access

        now = session.store.get_model_type(name)
        wished = replace(now, feature_columns=changes["feature_columns"])
        check_access(session.settings.require_database_url(), wished)


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _needed(value: str | None, what: str) -> str:
    if not value:
        raise InvalidRequest(
            f"A model type needs {what}.",
            hint="refit model-types create NAME --source TABLE --target COLUMN, or --builtin.",
        )
    return value


def _refuse_with_builtin(*given: str | None) -> None:
    if any(given):
        raise InvalidRequest(
            "--builtin brings its own name, source and target.", hint="Leave them out."
        )
