"""Every figure of a walk, computed from the predictions that were stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.backtest.records import Event, Policy, Timeline
from core.backtest.replay import told_metric
from core.demo.records import Subject
from core.engines.metrics import Metric, Scored, score


@dataclass(frozen=True, kw_only=True)
class PolicyFigures:
    """How one policy did over the whole walk."""

    value: float
    retrainings: int  # the first training does not count, a rejected challenger does


@dataclass(frozen=True, kw_only=True)
class Figures:
    """How a model type fared under each policy."""

    subject: Subject
    metric: Metric
    rows: int  # of the data, those before the start included
    steps: int
    policies: dict[Policy, PolicyFigures]
    events: tuple[Event, ...]

    def as_json(self) -> dict[str, Any]:
        """``{rows, steps, policies, events}``; the metric's name is the key of its value."""
        return {
            "rows": self.rows,
            "steps": self.steps,
            "policies": {
                str(policy): {self.metric.name: found.value, "retrainings": found.retrainings}
                for policy, found in self.policies.items()
            },
            "events": [event.as_json() for event in self.events],
        }


def compute_figures(
    subject: Subject, timeline: Timeline, events: Sequence[Event], predictions: pd.DataFrame
) -> Figures:
    """The figures of one subject.

    Parameters
    ----------
    predictions : DataFrame
        As :func:`core.demo.predictions.read_predictions` gives them.
    """
    own = tuple(e for e in events if e.model_type == subject.model_type.name)
    retrainings = {
        Policy.NEVER: 0,
        Policy.REFIT: sum(e.retrained for e in own[1:]),
        Policy.EVERY_STEP: len(timeline.moments) - 1,
    }
    metric = told_metric(subject.model_type)
    return Figures(
        subject=subject,
        metric=metric,
        rows=len(subject.frame),
        steps=len(timeline.moments),
        policies={
            policy: PolicyFigures(
                value=score_of(metric, predictions[predictions["policy"] == str(policy)]),
                retrainings=retrainings[policy],
            )
            for policy in retrainings
        },
        events=own,
    )


def score_of(metric: Metric, predictions: pd.DataFrame) -> float:
    """The metric over stored predictions; NaN over none."""
    if predictions.empty:
        return float("nan")
    truth, predicted = (np.asarray(predictions[name]) for name in ("actual", "prediction"))
    return score(metric, Scored(truth=truth, predicted=predicted))
