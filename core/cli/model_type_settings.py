"""A model type's settings: from what was given on the command line to fields of ModelType."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.cli.options import read_cool_down, read_interval, split_names
from core.errors import InvalidRequest

NONE = "none"


def given_settings(
    *,
    label_delay: str | None,
    training_window: str | None,
    cool_down: str | None,
    monthly_budget: str | None,
    recency_half_life: str | None,
    entity: str | None,
    slices: str | None,
    latency_budget: str | None,
    size_budget: str | None,
    dry_run_gates: str | None,
    **plain: Any,
) -> dict[str, Any]:
    """The settings that were given, as :class:`core.domain.ModelType` has them; others left out.

    Parameters
    ----------
    plain
        Settings that are taken as they are; None: not given.

    Raises
    ------
    InvalidRequest
        One of them cannot be read; its option is named.
    """
    settings = {
        "label_delay": read_interval(label_delay),
        "cool_down": read_cool_down(cool_down),
        **plain,
    }
    settings = {name: value for name, value in settings.items() if value is not None}
    texts: list[tuple[str, str | None, Callable[[str], Any]]] = [
        ("training_window", NONE if training_window == "all" else training_window, read_interval),
        ("monthly_retraining_budget", monthly_budget, _trainings),
        ("recency_half_life", recency_half_life, read_interval),
        ("entity_column", entity, str),
        ("latency_budget_ms", latency_budget, lambda text: _number(text, "--latency-budget")),
        ("size_budget_mb", size_budget, lambda text: _number(text, "--size-budget")),
    ]
    for name, text, read in texts:
        if text is not None:
            settings[name] = None if text == NONE else read(text)
    for name, text in (("slice_columns", slices), ("dry_run_gates", dry_run_gates)):
        if text is not None:
            settings[name] = () if text == NONE else split_names(text)
    return settings


def _trainings(text: str) -> int:
    if not text.isdecimal():
        raise InvalidRequest(
            f"--monthly-budget {text!r} is no number of trainings.", hint="Write 30, or none."
        )
    return int(text)


def _number(text: str, option: str) -> float:
    try:
        return float(text)
    except ValueError as exc:
        raise InvalidRequest(f"{option} {text!r} is no number.", hint="Write 50, or none.") from exc
