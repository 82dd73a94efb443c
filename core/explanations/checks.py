"""Performance checks: the verdict, and why."""

from __future__ import annotations

from core.explanations.cases import cases, new_cases, odds
from core.explanations.changes import change_of_check
from core.explanations.metrics import metric_name, show_metric
from core.explanations.rows import Row, count, figure, part, text
from core.explanations.words import Words

# As in core.monitoring.performance, which a function must not load; a test compares them.
LEAST_ROWS = 30
LEAST_REFERENCE = 100


def verdict_label(words: Words, verdict: str | None) -> str:
    """A check's verdict in a few words.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> verdict_label(ENGLISH, "degraded"), verdict_label(ENGLISH, None)
    ('Got worse', 'Not checked yet')
    """
    _ = words.gettext
    labels = {
        "healthy": _("Healthy"),
        "degraded": _("Got worse"),
        "inconclusive": _("Not sure yet"),
        "insufficient_data": _("Not enough data yet"),
    }
    return labels.get(verdict or "") or verdict or _("Not checked yet")


def explain_check(words: Words, check: Row) -> str:
    """What a check found, and why that is its verdict.

    Parameters
    ----------
    words : Words
    check : mapping
        A row of ``metrics``, a job's ``check_result``, or one of the results of
        ``check_performance``.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> explain_check(ENGLISH, {
    ...     "verdict": "degraded", "metric": "accuracy", "value": 0.81, "baseline": 0.87,
    ...     "degradation": 0.06, "p_value": 0.00033, "samples": 1240, "threshold": 0.03})
    'Right in 81% of 1,240 new cases, compared with 87%. That is 6 points worse. \
A drop this size by chance: 1 in 3,000.'
    """
    verdict = text(check, "verdict")
    if verdict == "insufficient_data":
        return _why_no_verdict(words, check)
    sentences = [_values(words, check)]
    if verdict == "degraded":
        sentences += [_drop(words, check), _chance(words, check), _strictness(words, check)]
    elif verdict == "healthy":
        sentences += [_no_drop(words, check)]
    elif verdict == "inconclusive":
        sentences += [_doubt(words, check), _strictness(words, check)]
    return " ".join(sentence for sentence in sentences if sentence) or verdict_label(words, verdict)


def _values(words: Words, check: Row) -> str:
    """What it was measured at, and what that is compared with."""
    _ = words.gettext
    metric = text(check, "metric")
    value = figure(check, "value")
    value = figure(check, "current") if value is None else value
    samples, baseline = count(check, "samples"), figure(check, "baseline")
    if value is None or samples is None:
        return ""
    fields = {
        "metric": metric_name(words, metric, label=text(part(check, "figures"), "label")),
        "value": show_metric(words, metric, value),
        "cases": new_cases(words, samples),
        "baseline": show_metric(words, metric, baseline),
    }
    if metric == "accuracy":
        message = _("Right in {value} of {cases}, compared with {baseline}.")
        alone = _("Right in {value} of {cases}.")
    else:
        message = _("{metric}: {value} on {cases}, compared with {baseline}.")
        alone = _("{metric}: {value} on {cases}.")
    return (alone if baseline is None else message).format(**fields)


def _drop(words: Words, check: Row) -> str:
    _ = words.gettext
    change = change_of_check(check)
    if change.value is None:
        # Few cases in the window, but all since it came into use together prove it.
        return "" if figure(check, "current") is not None else _("It got worse.")
    if change.value <= 0:
        return _("In these cases alone it is no worse, but in all since it came into use it is.")
    return _("That is {amount} worse.").format(amount=change.show(words))


def _chance(words: Words, check: Row) -> str:
    probability, change = figure(check, "p_value"), change_of_check(check).value
    if probability is None or (change is not None and change <= 0):
        return ""
    chance = odds(words, probability)
    return words.gettext("A drop this size by chance: {odds}.").format(odds=chance)


def _strictness(words: Words, check: Row) -> str:
    if check.get("low_power") is not True:
        return ""
    return words.gettext("There are few cases to compare with, so only a clear drop counts.")


def _no_drop(words: Words, check: Row) -> str:
    _ = words.gettext
    change = change_of_check(check)
    if change.value is None:
        return _("It is about as good as before.")
    if change.value <= 0:
        return _("It is at least as good as before.")
    return _("It is about as good as before: {amount} worse, too little to matter.").format(
        amount=change.show(words)
    )


def _doubt(words: Words, check: Row) -> str:
    _ = words.gettext
    change, threshold = change_of_check(check), figure(check, "threshold")
    if change.value is None or threshold is None or change.value <= 0:
        return _("It is too early to say whether it got worse; more new cases will tell.")
    amount, limit = change.show(words), change.show_other(words, threshold)
    if change.value < threshold:
        return _(
            "It seems {amount} worse, less than the {limit} that would matter; more new cases will "
            "tell."
        ).format(amount=amount, limit=limit)
    return _("It seems {amount} worse, but that may be chance; more new cases will tell.").format(
        amount=amount
    )


def _why_no_verdict(words: Words, check: Row) -> str:
    _ = words.gettext
    figures, samples = part(check, "figures"), count(check, "samples")
    outcome, reference = text(figures, "outcome"), count(figures, "reference_rows")
    if outcome == "no_model":
        return _("No model is in use yet, so there is nothing to check.")
    if outcome == "other_metric":
        return _(
            "The model in use was measured in a different way than is asked for now. Once a newly "
            "trained model is deployed, checks work again."
        )
    if samples == 0:
        return _(
            "No new case has a known outcome yet; {needed} are needed to judge the model."
        ).format(needed=words.numbers.number(LEAST_ROWS))
    if samples is not None and samples < LEAST_ROWS:
        return _(
            "So far the outcome of {cases} is known; {needed} are needed to judge the model."
        ).format(cases=new_cases(words, samples), needed=words.numbers.number(LEAST_ROWS))
    if outcome == "too_few_reference_rows" and reference is not None:
        return _(
            "There are only {cases} to compare with; {needed} are needed to judge the model."
        ).format(cases=cases(words, reference), needed=words.numbers.number(LEAST_REFERENCE))
    if outcome == "not_defined":
        return _("All these cases have the same outcome, so its quality cannot be measured.")
    if outcome == "too_few_known":
        return _("Too few outcomes are known in time to judge the model by them.")
    # Before figures were kept the sentence alone said it.
    return text(check, "reason") or _("There is not enough data yet to judge the model.")
