"""What a backtest found, as JSON: for ``--json``, the HTML report, and whoever shows it later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.backtest.figures import PolicyFigures, policy_figures
from core.backtest.records import Event, Policy
from core.backtest.replay import Replay
from core.backtest.sweep import Cell
from core.worker.plain_json import plain_json


def report_data(found: Replay, cells: Sequence[Cell] = ()) -> dict[str, Any]:
    """All figures of a backtest.

    Parameters
    ----------
    found : Replay
    cells : sequence of Cell
        Of a sweep, where one was asked for.

    Returns
    -------
    dict
        ``rows``, ``steps``, ``policies`` and ``events`` as the demo writes them, the metric's name
        being the key of its value; beside them ``model_type``, ``metric``, ``thresholds``,
        ``period``, ``series`` (the metric of each step's rows by policy) and ``sweep``.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> from datetime import UTC, datetime, timedelta
    >>> from core.backtest.replay import replay
    >>> found = replay(example_rows(480), example_type(), start=datetime(2026, 1, 15, tzinfo=UTC),
    ...     step=timedelta(days=2), policies=(Policy.NEVER,))
    >>> data = report_data(found)
    >>> data["steps"], data["metric"]["name"], data["policies"]["never"]["retrainings"]
    (3, 'accuracy', 0)
    """
    metric, figures = found.metric, policy_figures(found)
    model_type, timeline = found.model_type, found.timeline
    document = {
        "model_type": model_type.name,
        "metric": {
            "name": metric.name,
            "label": metric.label,
            "greater_is_better": metric.greater_is_better,
        },
        "thresholds": {
            "retraining": model_type.retraining_threshold,
            "auto_deployment": model_type.auto_deployment_threshold,
        },
        "period": {
            "start": timeline.start,
            "end": found.until,
            "step_seconds": timeline.step.total_seconds(),
        },
        "rows": len(found.truth),
        "predicted_rows": found.spans[-1].stop - found.spans[0].start,
        "steps": len(timeline.moments),
        "policies": {str(p): _costs(metric.name, one) for p, one in figures.items()},
        "events": [_event(event) for event in found.events],
        "series": {
            "as_of": timeline.moments,
            "rows": [span.stop - span.start for span in found.spans],
            "policies": {str(policy): one.series for policy, one in figures.items()},
        },
        "sweep": [
            {
                "retraining_threshold": cell.retraining_threshold,
                "auto_deployment_threshold": cell.auto_deployment_threshold,
            }
            | _costs(metric.name, cell.figures)
            for cell in cells
        ],
    }
    plain: dict[str, Any] = plain_json(document)
    return plain


def _costs(metric: str, figures: PolicyFigures) -> dict[str, Any]:
    return {
        metric: figures.value,
        "retrainings": figures.retrainings,
        "deployments": figures.deployments,
        "training_seconds": round(figures.training_seconds, 1),
    }


def _event(event: Event) -> dict[str, Any]:
    return event.as_json() | {
        "challenger": event.challenger,
        "improvement": event.improvement,
        "failed_gates": event.failed_gates,
        "reason": event.reason,
    }


def verdict_in_words(data: Mapping[str, Any]) -> str:
    """What Refit cost and bought against the other policies, in two sentences.

    Parameters
    ----------
    data : mapping
        As :func:`report_data` gives it, with the three policies *never*, *refit* and *every_step*.

    Returns
    -------
    str

    Examples
    --------
    >>> data = {"metric": {"name": "accuracy", "label": "accuracy"}, "policies": {
    ...     "never": {"accuracy": 0.70, "retrainings": 0},
    ...     "refit": {"accuracy": 0.76, "retrainings": 40},
    ...     "every_step": {"accuracy": 0.77, "retrainings": 122}}}
    >>> verdict_in_words(data)
    'Refit reached accuracy 0.76 with 40 retrainings; never retrained it would have been 0.7, \
retrained at every step 0.77 with 122.'
    """
    name, policies = data["metric"]["name"], data["policies"]
    refit, never, every = (
        policies[str(p)] for p in (Policy.REFIT, Policy.NEVER, Policy.EVERY_STEP)
    )
    return (
        f"Refit reached {data['metric']['label']} {_short(refit[name])} with "
        f"{refit['retrainings']:,} retrainings; never retrained it would have been "
        f"{_short(never[name])}, retrained at every step {_short(every[name])} with "
        f"{every['retrainings']:,}."
    )


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
