"""What is told at the end of a walk: the policies side by side, the story, the JSON file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from rich import box
from rich.table import Table

from core.backtest import files
from core.backtest.records import POLICY_NAMES, Action, Policy
from core.demo.figures import Figures, score_of
from core.demo.runs import display_name

_WALKED = (Policy.NEVER, Policy.REFIT, Policy.EVERY_STEP)


def policies_table(figures: Sequence[Figures]) -> Table:
    """Each policy over the whole walk."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("the whole walk")
    for policy in _WALKED:
        style = "bold" if policy is Policy.REFIT else None
        table.add_column(POLICY_NAMES[policy], justify="right", style=style)
    for found in figures:
        name = f"{display_name(found.subject.model_type.name)}: " if len(figures) > 1 else ""
        values = [f"{found.policies[policy].value:.4g}" for policy in _WALKED]
        counts = [str(found.policies[policy].retrainings) for policy in _WALKED]
        table.add_row(f"{name}{found.metric.label}", *values)
        table.add_row("retrainings", *counts)
    return table


def as_json(figures: Sequence[Figures]) -> dict[str, Any]:
    """The first subject's figures; those of further ones below ``model_types``, by name."""
    first, *others = figures
    document = first.as_json()
    if others:
        document["model_types"] = {
            display_name(found.subject.model_type.name): found.as_json() for found in figures
        }
    return document


def write_json(path: Path, figures: Sequence[Figures]) -> None:
    """Write the figures of a walk."""
    files.write_json(path, as_json(figures))


def story(found: Figures, predictions: pd.DataFrame, change_at: datetime) -> str:
    """What happened around a change that was planted, in sentences.

    Parameters
    ----------
    predictions : DataFrame
        All stored ones of this subject.
    """
    before = [e for e in found.events if e.verdict == "degraded" and e.as_of <= change_at]
    after = [e for e in found.events if e.verdict == "degraded" and e.as_of > change_at]
    deployed = [e for e in after if e.action is Action.DEPLOYED]
    steady = _stretch(found, predictions, Policy.REFIT, None, change_at)
    name, label = display_name(found.subject.model_type.name), found.metric.label
    false_alarms = "no drop was found" if not before else f"{len(before)} drops were found"
    parts = [f"{name}: the audience changed on {change_at:%Y-%m-%d}; before it {false_alarms}"]
    parts.append(f" ({label} {steady:.3g}). ")
    if not after:
        return "".join([*parts, "After it none was found either."])
    first = after[0]
    parts.append(f"On {first.as_of:%Y-%m-%d} Refit found the drop ({label} {first.current:.3g})")
    if not deployed:
        return "".join([*parts, ", but no challenger was proven better."])
    swaps = "; ".join(f"version {e.challenger} on {e.as_of:%Y-%m-%d}" for e in deployed)
    last = deployed[-1].as_of
    recovered = _stretch(found, predictions, Policy.REFIT, last, None)
    stale = _stretch(found, predictions, Policy.NEVER, last, None)
    parts.append(f", validated challengers and deployed {swaps}. ")
    parts.append(f"Since then: {label} {recovered:.3g}; never retrained it would be {stale:.3g}.")
    return "".join(parts)


def _stretch(
    found: Figures,
    predictions: pd.DataFrame,
    policy: Policy,
    start: datetime | None,
    end: datetime | None,
) -> float:
    """The metric under a policy over the rows in ``(start, end]``."""
    own = predictions[predictions["policy"] == str(policy)]
    times = pd.to_datetime(own["row_time"], utc=True)
    if start is not None:
        own = own[times > pd.Timestamp(start)]
    if end is not None:
        own = own[times <= pd.Timestamp(end)]
    return score_of(found.metric, own)
