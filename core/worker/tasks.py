"""What children are given to do.

The worker itself loads this module, and so neither scikit-learn nor pandas: those are imported
where they are used, in the child.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.domain import ClaimedJob, ClaimedOperation, Target
from core.worker.messages import Send
from core.worker.plain_json import plain_json
from core.worker.resources import Resources

Outcome = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class TrainingTask:
    """A training job as it was claimed, and where things are."""

    job: ClaimedJob
    resources: Resources


@dataclass(frozen=True, kw_only=True)
class TargetTask:
    """One target of an operation as it was claimed, and where things are."""

    operation: ClaimedOperation
    target: Target
    resources: Resources


def do_training(task: TrainingTask, send: Send) -> Outcome:
    """Do a training job; the outcome is what ``finish_training_job`` takes."""
    from core.worker.retraining import retrain

    outcome: Outcome = plain_json(retrain(task, send))
    return outcome


def do_target(task: TargetTask, send: Send) -> Outcome:
    """Work on one target; the outcome is one of the results that ``finish_operation`` takes."""
    from core.worker.operations import work_on_target

    outcome: Outcome = plain_json(work_on_target(task, send))
    return outcome
