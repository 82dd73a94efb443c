"""Model types as a person reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from core.cli.output import print_table, say
from core.domain import ModelType


def print_model_types(found: Sequence[ModelType]) -> None:
    """A line for each; a hint when there are none."""
    if not found:
        say("There is no model type yet: refit model-types create makes one.")
        return
    print_table(
        ("name", "source", "target", "metric", "engine", "enabled"),
        [
            (
                t.name,
                t.source_relation,
                t.target_column,
                t.metric,
                t.engine,
                "yes" if t.enabled else "no",
            )
            for t in found
        ],
    )


def print_model_type(found: ModelType) -> None:
    """Every setting of one."""
    print_table(
        ("setting", "value"),
        [(f.name.replace("_", " "), _text(getattr(found, f.name))) for f in fields(found)],
    )


def print_decided(created: ModelType) -> None:
    """What a new model type is, a sentence each."""
    say(f"{created.name} predicts {created.target_column} of {created.source_relation}.")
    say(f"  task      {created.task}, judged by {created.metric}")
    say(f"  engine    {created.engine}")
    say(f"  keys      {', '.join(created.key_columns)}")
    say(f"  time      {created.time_column}{_known_when(created)}")
    say(f"  features  {', '.join(created.feature_columns)}")


def _known_when(model_type: ModelType) -> str:
    if model_type.label_time_column:
        return f", target known at {model_type.label_time_column}"
    if model_type.label_delay:
        return f", target known {model_type.label_delay} later"
    return ""


def _text(value: Any) -> str:
    if value is None or value in ("", {}, ()):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value)
