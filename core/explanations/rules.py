"""By which rule a new model may replace the one in use without a person, or may not."""

from __future__ import annotations

from core.explanations.cases import more_new_cases
from core.explanations.changes import Change, change_of_gate
from core.explanations.rows import Row, count, figure, part, parts, text
from core.explanations.words import Words

# One-sided level of a first judgement by some rows.
_ALPHA = 0.05


def explain_rule(words: Words, validation: Row, *, metric: str | None = None) -> list[str]:
    """Which rule allowed or forbade it to be deployed without a person, and what it takes.

    Parameters
    ----------
    words : Words
    validation : mapping
        A validation's row; of one from before rules were kept nothing is said.
    metric : str, optional
        What the model type is measured by.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> explain_rule(ENGLISH, {"verdict": "approved", "rule": "first_model"})
    ['No model was in use to compare it with: passing the tests was enough to be deployed.']
    """
    explain = {
        "first_model": _first,
        "surely_better": _surely_better,
        "not_worse": _not_worse,
        "none": _forbidden,
    }.get(text(validation, "rule"))
    if explain is None:
        return []
    gate = comparison_of(validation)
    change = change_of_gate(gate, metric)
    found = (explain(words, validation, gate, change), _stricter(words, validation))
    return [sentence for sentence in found if sentence]


def comparison_of(validation: Row) -> Row:
    """The gate that compares it with the model in use; empty where there is none."""
    gates = parts(validation, "gates")
    return next((one for one in gates if text(one, "name") == "better_than_champion"), {})


def rows_missing(validation: Row) -> int | None:
    """How many more common cases would decide; None where that is not what is missing."""
    return count(part(comparison_of(validation), "figures"), "rows_missing")


def _first(words: Words, _validation: Row, _gate: Row, _change: Change) -> str:
    return words.gettext(
        "No model was in use to compare it with: passing the tests was enough to be deployed."
    )


def _certainty(words: Words, validation: Row) -> str:
    alpha = figure(validation, "alpha")
    return words.numbers.percent(1 - (_ALPHA if alpha is None else alpha))


def _lower(validation: Row) -> float | None:
    interval = validation.get("confidence_interval")
    ends = interval if isinstance(interval, list | tuple) else []
    return figure({"lower": ends[0]}, "lower") if len(ends) == 2 else None


def _surely_better(words: Words, validation: Row, gate: Row, change: Change) -> str:
    _ = words.gettext
    lower, least = (
        _lower(validation),
        figure(part(gate, "figures"), "auto_deployment_threshold"),
    )
    if lower is None or least is None:
        return _("It is surely better, so it may replace the model in use without a person.")
    return _(
        "It is better by at least the {threshold} that the settings ask for, and with {certainty} "
        "certainty better by {lower} or more. So it may replace the model in use without a person."
    ).format(
        threshold=change.show_other(words, least),
        certainty=_certainty(words, validation),
        lower=change.show_other(words, max(lower, 0.0)),
    )


def _not_worse(words: Words, validation: Row, gate: Row, change: Change) -> str:
    _ = words.gettext
    margin = figure(part(gate, "figures"), "margin")
    if margin is None:
        return _(
            "The model in use has surely got worse. Until that is mended, a new one that is as "
            "good may replace it without a person."
        )
    return _(
        "The model in use has surely got worse. Until that is mended, a new one that is as good "
        "may replace it without a person: with {certainty} certainty this one is worse by less "
        "than {margin}."
    ).format(certainty=_certainty(words, validation), margin=change.show_other(words, abs(margin)))


def _forbidden(words: Words, validation: Row, gate: Row, change: Change) -> str:
    _ = words.gettext
    if text(part(gate, "figures"), "outcome") == "champion_itself":
        return ""
    if text(validation, "verdict") != "approved":
        missing = rows_missing(validation)
        if text(validation, "verdict") == "inconclusive" and missing:
            return _("It was not deployed. About {cases} would decide.").format(
                cases=more_new_cases(words, missing)
            )
        return _("A model that has not passed every test is not deployed without a person.")
    least = figure(part(gate, "figures"), "auto_deployment_threshold")
    if least is None:
        return _("A person decides whether to deploy it.")
    if validation.get("alarm") is True:
        return _(
            "To replace the model in use without a person it would have to be no worse, as "
            "measured, or surely better by {threshold}."
        ).format(threshold=change.show_other(words, least))
    return _(
        "To replace the model in use without a person it would have to be surely better, and by "
        "{threshold} or more. Only once the model in use has surely got worse is as good enough."
    ).format(threshold=change.show_other(words, least))


def _stricter(words: Words, validation: Row) -> str:
    uses = count(validation, "holdout_use") or 1
    if uses < 2:
        return ""
    return words.gettext(
        "It is test number {use} with much the same cases, so the proof had to be surer than "
        "usual: {certainty} certain in place of {usual}."
    ).format(
        use=words.numbers.number(uses),
        certainty=_certainty(words, validation),
        usual=words.numbers.percent(1 - _ALPHA),
    )
