"""The gates of a validation by name, and which of them may be tried out."""

from __future__ import annotations

from collections.abc import Iterable

# What these find stops a training before any gate: tried out, they would hold back all the same.
_OF_THE_TRAINING = ("enough_rows", "data_quality")
# Recorded, and never blocking, when a model type names them.
DRY_RUN_GATES = (
    "beats_baseline",
    "artifact_reproduces",
    "latency",
    "size",
    "better_than_champion",
    "calibration",
    "slices",
)
# In the order in which a validation records them.
GATE_NAMES = (*_OF_THE_TRAINING, *DRY_RUN_GATES)


def refusal_of_dry_runs(names: Iterable[str]) -> str | None:
    """Why gates cannot be a dry run, None when they can.

    Examples
    --------
    >>> refusal_of_dry_runs(["latency", "slices"])
    >>> refusal_of_dry_runs(["speed"])
    'There is no gate "speed".'
    """
    refused = [name for name in names if name not in DRY_RUN_GATES]
    if unknown := [name for name in refused if name not in _OF_THE_TRAINING]:
        return f"There is no gate {_quoted(unknown)}."
    if refused:
        what = "gates" if len(refused) > 1 else "gate"
        return (
            f"The {what} {_quoted(refused)} cannot be a dry run: what fails there already stops "
            "the training."
        )
    return None


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
