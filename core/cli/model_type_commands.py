"""`refit model-types`: the prediction tasks."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import typer

from core.cli.definitions import as_column, check_engine, check_gates, check_metric, json_of
from core.cli.model_type_creation import (
    BuiltIn,
    built_in_model_type,
    register,
    wished_model_type,
)
from core.cli.model_type_display import print_decided, print_model_type, print_model_types
from core.cli.model_type_options import (
    CoolDown,
    DeploymentThreshold,
    Description,
    DryRunGates,
    Engine,
    Entity,
    Exclude,
    Features,
    FinalFit,
    HalfLife,
    Keys,
    LabelDelay,
    LabelTime,
    LatencyBudget,
    Metric,
    MinSamples,
    MonthlyBudget,
    Owner,
    Replay,
    RetrainingThreshold,
    SearchSeconds,
    SizeBudget,
    Slices,
    Source,
    Strategy,
    Target,
    TheTask,
    Time,
    Title,
    Weight,
    Window,
)
from core.cli.model_type_settings import given_settings
from core.cli.options import JsonOutput, split_names
from core.cli.output import print_json, say
from core.cli.session import Session, open_session
from core.errors import InvalidRequest

# Settings that name columns.
_READ = ("feature_columns", "entity_column", "slice_columns")

model_types = typer.Typer(help="Prediction tasks: where their rows are, and what they mean.")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(model_types, name="model-types")


@model_types.command()
def create(
    name: Annotated[str | None, typer.Argument(help="Lower-case letters, digits, _.")] = None,
    source: Source = None,
    target: Target = None,
    time: Time = None,
    label_time: LabelTime = None,
    label_delay: LabelDelay = None,
    keys: Keys = None,
    features: Features = None,
    exclude: Exclude = None,
    task: TheTask = None,
    engine: Engine = None,
    metric: Metric = None,
    training_window: Window = None,
    retraining_threshold: RetrainingThreshold = None,
    auto_deployment_threshold: DeploymentThreshold = None,
    min_training_samples: MinSamples = None,
    cool_down: CoolDown = None,
    monthly_budget: MonthlyBudget = None,
    replay: Replay = None,
    final_fit: FinalFit = None,
    window_strategy: Strategy = None,
    recency_half_life: HalfLife = None,
    class_weight: Weight = None,
    search_seconds: SearchSeconds = None,
    entity: Entity = None,
    slices: Slices = None,
    latency_budget: LatencyBudget = None,
    size_budget: SizeBudget = None,
    dry_run_gates: DryRunGates = None,
    title: Title = None,
    description: Description = None,
    owner: Owner = None,
    builtin: Annotated[
        BuiltIn | None, typer.Option("--builtin", help="One that comes with Refit.")
    ] = None,
    as_json: JsonOutput = False,
) -> None:
    """Register a prediction task over a table or view, once its rows can be read."""
    settings = given_settings(
        label_delay=label_delay,
        training_window=training_window,
        cool_down=cool_down,
        monthly_budget=monthly_budget,
        recency_half_life=recency_half_life,
        entity=entity,
        slices=slices,
        latency_budget=latency_budget,
        size_budget=size_budget,
        dry_run_gates=dry_run_gates,
        engine=engine,
        metric=metric,
        retraining_threshold=retraining_threshold,
        auto_deployment_threshold=auto_deployment_threshold,
        min_training_samples=min_training_samples,
        window_strategy=window_strategy,
        class_weight=class_weight,
        search_seconds=search_seconds,
        replay=replay,
        final_fit=final_fit,
        title=title,
        description=description,
        owner=owner,
    )
    columns = {"time": time, "label_time": label_time, "keys": keys, "exclude": exclude}
    with open_session() as session:
        if builtin is None:
            wished = wished_model_type(
                session, name, source, target, features=features, task=task, **columns
            )
        else:
            wished = built_in_model_type(builtin, name, source, target)
        created = register(session, replace(wished, **settings))
    if as_json:
        print_json(json_of(created))
        return
    print_decided(created)
    say(f"Next:\n  refit retrain {created.name} --force --wait")


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
    training_window: Window = None,
    retraining_threshold: RetrainingThreshold = None,
    auto_deployment_threshold: DeploymentThreshold = None,
    min_training_samples: MinSamples = None,
    cool_down: CoolDown = None,
    monthly_budget: MonthlyBudget = None,
    replay: Replay = None,
    final_fit: FinalFit = None,
    window_strategy: Strategy = None,
    recency_half_life: HalfLife = None,
    class_weight: Weight = None,
    search_seconds: SearchSeconds = None,
    entity: Entity = None,
    slices: Slices = None,
    latency_budget: LatencyBudget = None,
    size_budget: SizeBudget = None,
    dry_run_gates: DryRunGates = None,
    title: Title = None,
    description: Description = None,
    owner: Owner = None,
    as_json: JsonOutput = False,
) -> None:
    """Change what may change; where its rows are and what they mean may not."""
    changes = given_settings(
        enabled=enabled,
        feature_columns=split_names(features) or None,
        label_delay=label_delay,
        training_window=training_window,
        cool_down=cool_down,
        monthly_budget=monthly_budget,
        recency_half_life=recency_half_life,
        entity=entity,
        slices=slices,
        latency_budget=latency_budget,
        size_budget=size_budget,
        dry_run_gates=dry_run_gates,
        engine=engine,
        metric=metric,
        retraining_threshold=retraining_threshold,
        auto_deployment_threshold=auto_deployment_threshold,
        min_training_samples=min_training_samples,
        window_strategy=window_strategy,
        class_weight=class_weight,
        search_seconds=search_seconds,
        replay=replay,
        final_fit=final_fit,
        title=title,
        description=description,
        owner=owner,
    )
    if not changes:
        raise InvalidRequest("Nothing is to be changed.", hint="Name at least one option.")
    with open_session() as session:
        if engine is not None:
            check_engine(engine, session.settings)
        if metric is not None:
            check_metric(metric, session.settings)
        check_gates(changes.get("dry_run_gates", ()))
        _check_columns(session, name, changes)
        changed = session.store.update_model_type(
            name, {field: as_column(value) for field, value in changes.items()}
        )
    if as_json:
        print_json(json_of(changed))
    else:
        print_model_type(changed)


def _check_columns(session: Session, name: str, changes: dict[str, Any]) -> None:
    """New columns must be readable, or every later training would fail."""
    columns = {c: changes[c] for c in _READ if c in changes}
    if columns:
        from core.datasets import check_access

        now = session.store.get_model_type(name)
        check_access(session.settings.require_database_url(), replace(now, **columns))
