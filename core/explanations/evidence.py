"""What a check saw beside the metric: the evidence so far, moved data, estimates, late outcomes."""

from __future__ import annotations

from core.explanations.cases import cases, quoted
from core.explanations.causes import does_drift_stand
from core.explanations.checks import explain_check
from core.explanations.metrics import metric_name, show_metric
from core.explanations.rows import Row, count, figure, part, parts, text
from core.explanations.words import Words

# As in core.monitoring.label_buckets, which a function must not load; a test compares them.
LARGEST_LEVEL = 100_000
_MOST_COLUMNS = 3


def explain_evidence(words: Words, check: Row) -> list[str]:
    """All that a check saw, in sentences.

    Parameters
    ----------
    words : Words
    check : mapping
        As :func:`core.explanations.checks.explain_check` takes it.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> explain_evidence(ENGLISH, {
    ...     "verdict": "degraded", "metric": "accuracy", "current": 0.81, "baseline": 0.87,
    ...     "degradation": 0.06, "samples": 1240, "sequential": {
    ...         "level": 7200.0, "attempt_level": 7200.0, "training_at": 1000, "alarm_at": 5000,
    ...         "labels": 900}})[1]
    'The evidence that it got worse, from all 900 cases since it came into use, is 7,200: above \
5,000, which counts as proof. By chance that happens at most once in about 5,000 cases.'
    """
    return [explain_check(words, check), *explain_signs(words, check)]


def explain_signs(words: Words, check: Row) -> list[str]:
    """What a check saw beside the metric.

    Parameters
    ----------
    words : Words
    check : mapping
    """
    found = (
        _levels(words, part(check, "sequential")),
        _moved(words, check),
        _estimated(words, part(check, "estimate"), part(check, "figures")),
        _late(words, part(check, "maturity")),
    )
    return [sentence for sentence in found if sentence]


def _level(words: Words, level: float) -> str:
    number = words.numbers.number(level, 0)
    if level < LARGEST_LEVEL:
        return number
    return words.gettext("{number} or more").format(number=number)


def _levels(words: Words, test: Row) -> str:
    _ = words.gettext
    level, attempt = figure(test, "level"), figure(test, "attempt_level")
    training, alarm = figure(test, "training_at"), figure(test, "alarm_at")
    labels = count(test, "labels")
    if level is None or attempt is None or training is None or alarm is None or not labels:
        return ""
    if level >= alarm:
        message = _(
            "The evidence that it got worse, from all {cases} since it came into use, is {level}: "
            "above {alarm}, which counts as proof. By chance that happens at most once in about "
            "{alarm} cases."
        )
    elif attempt >= training:
        message = _(
            "The evidence that it got worse, from all {cases} since it came into use, is {level}: "
            "above {training}, enough to try a training, but below {alarm}, which would be proof."
        )
    elif level >= training:
        message = _(
            "The evidence that it got worse, from all {cases} since it came into use, is {level}: "
            "above {training}, but a training has been tried since. Since then it is {attempt}."
        )
    else:
        message = _(
            "The evidence that it got worse, from all {cases} since it came into use, is {level}: "
            "below {training}, from which on a training is tried."
        )
    return message.format(
        cases=cases(words, labels),
        level=_level(words, level),
        attempt=_level(words, attempt),
        training=words.numbers.number(training, 0),
        alarm=words.numbers.number(alarm, 0),
    )


def _moved(words: Words, check: Row) -> str:
    """Whether the data looks other than what the model learnt from, now or in the last looks."""
    _ = words.gettext
    drift, stands = part(check, "drift"), does_drift_stand(check)
    rows, features = count(drift, "rows"), parts(drift, "features")
    if rows is None or not features:
        if not stands:
            return ""
        return _(
            "In most of the last looks the data looked different from what it learnt from, and no "
            "training was tried since, which is reason enough for one."
        )
    moved = [one for one in features if text(one, "severity") in {"warning", "severe"}]
    if not moved:
        alike = _("The newest {cases} look like those that it learnt from.")
        earlier = _(
            "But in {windows} of the last 3 looks they did not, which is reason enough to train."
        )
        message = f"{alike} {earlier}" if stands else alike
    elif stands:
        message = _(
            "The newest {cases} look different from those that it learnt from: {columns}. It has "
            "been so in {windows} of the last 3 looks, which is reason enough to train."
        )
    elif drift.get("alarm") is True:
        message = _(
            "The newest {cases} look different from those that it learnt from: {columns}. That is "
            "reason to train once 2 of 3 looks show it."
        )
    else:
        message = _(
            "The newest {cases} look different from those that it learnt from: {columns}. But the "
            "model depends little on that."
        )
    return message.format(
        cases=cases(words, rows),
        columns=", ".join(quoted(words, text(one, "column")) for one in moved[:_MOST_COLUMNS]),
        windows=words.numbers.number(count(drift, "windows_in_alarm") or 2),
    )


def _estimated(words: Words, estimate: Row, figures: Row) -> str:
    """How good it probably is where no outcome is known yet."""
    _ = words.gettext
    status, value, rows = (
        text(estimate, "status"),
        figure(estimate, "value"),
        count(estimate, "rows"),
    )
    if status == "off":
        return _(
            "How good it is where no outcome is known yet is not estimated: such estimates have "
            "been wrong."
        )
    if status == "invalid":
        return _(
            "How good it is where no outcome is known yet cannot be estimated: these cases are too "
            "different from those that it learnt from."
        )
    if status != "valid" or value is None or rows is None:
        return ""
    metric = text(estimate, "metric")
    if estimate.get("outside_band") is True:
        message = _(
            "On {cases} whose outcome is not known yet, {metric} is estimated at {value}: clearly "
            "worse than before."
        )
    else:
        message = _(
            "On {cases} whose outcome is not known yet, {metric} is estimated at {value}: as good "
            "as before."
        )
    return message.format(
        cases=cases(words, rows),
        metric=metric_name(words, metric, label=text(figures, "label")),
        value=show_metric(words, metric, value),
    )


def _late(words: Words, maturity: Row) -> str:
    coverage, needed = figure(maturity, "coverage"), figure(maturity, "coverage_needed")
    if coverage is None or needed is None or coverage >= needed:
        return ""
    return words.gettext(
        "The outcome of only {share} of the cases is known although it is due; those known early "
        "may be other ones than the rest."
    ).format(share=words.numbers.percent(coverage))
