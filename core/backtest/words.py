"""An event of a walk or a replay in a few words."""

from __future__ import annotations

from collections.abc import Mapping

from core.backtest.records import Action, Event
from core.engines.metrics import get_metric
from core.engines.own_metrics import OwnMetric

OwnMetrics = Mapping[str, OwnMetric]


def measured(event: Event, metrics: OwnMetrics | None = None) -> str:
    """The champion's metric now, and what it was at deployment.

    Parameters
    ----------
    event : Event
    metrics : mapping of str to OwnMetric, or None
        The user's own.

    Returns
    -------
    str
        ``–`` where the metric could not be measured.

    Raises
    ------
    InvalidRequest
        When the event's metric is one of the user's own and not among ``metrics``.

    Examples
    --------
    >>> from datetime import datetime
    >>> event = Event(model_type="a", as_of=datetime(2026, 1, 5), verdict="healthy",
    ...     metric="accuracy", baseline=0.8, current=0.79, action=Action.NONE, model_version=1)
    >>> measured(event)
    'accuracy 0.790 (0.800)'
    """
    if event.current is None:
        return "–"
    label = get_metric(event.metric, custom=metrics).label
    then = "" if event.baseline is None else f" ({_short(event.baseline)})"
    return f"{label} {_short(event.current)}{then}"


def what_was_done(event: Event, metrics: OwnMetrics | None = None) -> str:
    """What Refit did, in a few words.

    Parameters
    ----------
    event : Event
    metrics : mapping of str to OwnMetric, or None
        The user's own.

    Returns
    -------
    str
        ``–`` where there was nothing to do.

    Raises
    ------
    InvalidRequest
        When the event's metric is one of the user's own and not among ``metrics``.

    Examples
    --------
    >>> from datetime import datetime
    >>> event = Event(model_type="a", as_of=datetime(2026, 1, 5), verdict="degraded",
    ...     metric="accuracy", baseline=0.8, current=0.7, action=Action.DEPLOYED,
    ...     model_version=2, challenger=2, improvement=0.05)
    >>> what_was_done(event)
    'retrained → version 2 deployed, +0.050'
    """
    if event.action is Action.WAITED:
        return "waits for more labels"
    if event.action is Action.NONE:
        # The alarm of the deployment stands on; a training wants new evidence since the last one.
        return "no new drop since the last training" if event.verdict == "degraded" else "–"
    if event.action is Action.HELD_BACK:
        return f"training held back: {event.reason}"
    if event.action is Action.FAILED:
        return f"training failed: {event.reason}"
    version = f"version {event.challenger}"
    if event.baseline is None and event.action is Action.DEPLOYED:
        return f"first training → {version} deployed"
    gain = ""
    if event.improvement is not None:
        relative = not get_metric(event.metric, custom=metrics).in_points
        gain = f", {event.improvement:+.1%}" if relative else f", {event.improvement:+.3f}"
    outcome = {
        Action.DEPLOYED: "deployed",
        Action.APPROVED: "as good, not surely better",
        Action.REJECTED: "rejected",
        Action.INCONCLUSIVE: "inconclusive",
    }[event.action]
    # The comparison with the champion is what the gain says; another gate has to be named.
    others = [g.replace("_", " ") for g in event.failed_gates if "champion" not in g]
    why = f" ({', '.join(others)})" if others else ""
    return f"retrained → {version} {outcome}{why}{gain}"


def _short(value: float) -> str:
    """Three decimals for what is a share, three digits for what is small.

    >>> _short(0.7012), _short(0.01234), _short(1234.5)
    ('0.701', '0.0123', '1234')
    """
    if abs(value) >= 0.1:
        return f"{value:.3f}" if abs(value) < 100 else f"{value:.0f}"
    return f"{value:.3g}"
