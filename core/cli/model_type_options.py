"""A model type's data and settings as options; ``create`` and ``update`` share the settings."""

from __future__ import annotations

from typing import Annotated

import typer

from core.domain import ClassWeight, Task, WindowStrategy

Source = Annotated[str | None, typer.Option("--source", help="Table or view.")]
Target = Annotated[str | None, typer.Option("--target", help="Column to predict.")]
Time = Annotated[
    str | None, typer.Option("--time", help="When it happened; default: the only time column.")
]
LabelTime = Annotated[
    str | None, typer.Option("--label-time", help="When the target became known.")
]
Keys = Annotated[
    str | None, typer.Option("--keys", help="Columns that tell rows apart; default: the key.")
]
Exclude = Annotated[str | None, typer.Option("--exclude", help="Columns that are no features.")]
TheTask = Annotated[Task | None, typer.Option("--task", help="Default: by the target.")]
Title = Annotated[str | None, typer.Option("--title", help="For people.")]
Description = Annotated[str | None, typer.Option("--description", help="For people.")]
Owner = Annotated[str | None, typer.Option("--owner", help="Who looks after it.")]
Engine = Annotated[
    str | None, typer.Option("--engine", help="gradient_boosting, linear, random_forest, …")
]
Metric = Annotated[
    str | None,
    typer.Option("--metric", help="accuracy, f1, roc_auc, log_loss; r2, mae, rmse, mape; …"),
]
Window = Annotated[
    str | None, typer.Option("--training-window", help="How far back, e.g. 12w, or all.")
]
LabelDelay = Annotated[
    str | None, typer.Option("--label-delay", help="How long until the target is known, e.g. 2d.")
]
Features = Annotated[
    str | None, typer.Option("--features", help="Columns to predict from; default: all usable.")
]
RetrainingThreshold = Annotated[
    float | None, typer.Option("--retraining-threshold", help="A drop that matters; 0.03.")
]
DeploymentThreshold = Annotated[
    float | None,
    typer.Option("--auto-deployment-threshold", help="A gain that deploys by itself; 0.02."),
]
MinSamples = Annotated[
    int | None, typer.Option("--min-training-samples", help="Fewest rows to train on; 100.")
]
CoolDown = Annotated[
    str | None,
    typer.Option("--cool-down", help="From one training's beginning to the next, e.g. 6h, or 0."),
]
MonthlyBudget = Annotated[
    str | None, typer.Option("--monthly-budget", help="Trainings a calendar month, or none; 100.")
]
Replay = Annotated[
    bool | None, typer.Option("--replay/--no-replay", help="May be judged --as-of another time.")
]
FinalFit = Annotated[
    bool | None,
    typer.Option("--final-fit/--no-final-fit", help="Refit on the whole window once approved."),
]
Strategy = Annotated[
    WindowStrategy | None,
    typer.Option("--window-strategy", help="Which rows a training reaches back to; sliding."),
]
HalfLife = Annotated[
    str | None,
    typer.Option(
        "--recency-half-life", help="A row this much older weighs half, e.g. 4w, or none."
    ),
]
Weight = Annotated[
    ClassWeight | None,
    typer.Option("--class-weight", help="balanced: each class weighs the same; none."),
]
SearchSeconds = Annotated[
    int | None,
    typer.Option("--search-seconds", help="How long to look for better parameters; 0: not."),
]
Entity = Annotated[
    str | None,
    typer.Option("--entity", help="Column whose rows depend on each other, or none."),
]
Slices = Annotated[
    str | None,
    typer.Option("--slices", help="Columns for none of whose values it may get worse, or none."),
]
LatencyBudget = Annotated[
    str | None,
    typer.Option("--latency-budget", help="Most ms to predict a row (95th percentile), or none."),
]
SizeBudget = Annotated[
    str | None, typer.Option("--size-budget", help="Most MB of a stored model, or none.")
]
DryRunGates = Annotated[
    str | None,
    typer.Option("--dry-run-gates", help="Gates that are recorded and never block, or none."),
]
