"""What in a check asked for a training: proof, a suspicion, moved data, or an estimate."""

from __future__ import annotations

from functools import reduce

from core.explanations.rows import Row, figure, part, text
from core.explanations.words import Words


def training_causes(check: Row) -> list[str]:
    """What asked for a training, the surest first.

    ``proven``: the outcomes since it came into use prove that it got worse. ``suspected``: they
    make it likely, which is enough to try. ``drift``: the data has changed in most of the last
    looks. ``estimate``: it is probably worse where no outcome is known yet.

    Parameters
    ----------
    check : mapping
        A job's ``check_result``, or one of the results of ``check_performance``.

    Examples
    --------
    >>> training_causes({"needs_retraining": True, "sequential": {"level": 1200.0,
    ...     "attempt_level": 1200.0, "training_at": 1000, "alarm_at": 5000}})
    ['suspected']
    """
    if check.get("needs_retraining") is not True:
        return []
    found = [_of_outcomes(check)]
    if does_drift_stand(check):
        found.append("drift")
    estimate = part(check, "estimate")
    if text(estimate, "status") == "valid" and estimate.get("outside_band") is True:
        found.append("estimate")
    return [cause for cause in found if cause]


def does_drift_stand(check: Row) -> bool:
    """Whether enough of the last looks found moved data, and no training was tried since.

    Examples
    --------
    >>> does_drift_stand({"drift": None, "figures": {"drift_stands": True}})
    True
    """
    return (
        part(check, "figures").get("drift_stands") is True
        or part(check, "drift").get("starts_training") is True
    )


def _of_outcomes(check: Row) -> str:
    test = part(check, "sequential")
    if not test:  # a single look decides
        return "proven" if text(check, "verdict") == "degraded" else ""
    attempt, training = figure(test, "attempt_level"), figure(test, "training_at")
    level, alarm = figure(test, "level"), figure(test, "alarm_at")
    if attempt is None or training is None or attempt < training:
        return ""
    return "suspected" if level is None or alarm is None or level < alarm else "proven"


def explain_causes(words: Words, check: Row) -> str:
    """What asked for a training, as a part of a sentence; empty where it is not known.

    Parameters
    ----------
    words : Words
    check : mapping
        As :func:`training_causes` takes it.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> explain_causes(ENGLISH, {"needs_retraining": True, "verdict": "degraded",
    ...                          "figures": {"drift_stands": True}})
    'the model in use got worse, and the data has changed'
    """
    _ = words.gettext
    clauses = {
        "proven": _("the model in use got worse"),
        "suspected": _("the model in use may have got worse"),
        "drift": _("the data has changed"),
        "estimate": _("the model in use is probably worse where no outcome is known yet"),
    }
    both = _("{first}, and {second}")
    told = [clauses[cause] for cause in training_causes(check)]
    return reduce(lambda a, b: both.format(first=a, second=b), told) if told else ""
