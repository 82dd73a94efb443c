"""What each gate found: the sentences of :func:`core.explanations.gates.explain_gate`."""

from __future__ import annotations

import re

from core.explanations.cases import cases
from core.explanations.metrics import show_change
from core.explanations.quality import explain_data_problem, explain_score
from core.explanations.rows import Row, count, figure, part, text, whole_numbers
from core.explanations.words import Words

# As in core.engines.gates, which a function must not load; a test compares them.
LEAST_COMMON_ROWS = 30
# How those engines write, where a figure is in the sentence alone.
_ENOUGH_ROWS = (
    r"(?P<rows>[0-9,]+) rows in the training window \((?P<least>[0-9,]+) needed\), "
    r"(?P<held>[0-9,]+) of them held out"
)
_GAIN = r" rows: (?P<size>[0-9]{1,9}\.[0-9]{1,9})(?P<percent>%?) (?P<way>better|worse) \("


def explain_outcome(words: Words, gate: Row) -> str:
    """Whether it passed, where no more is known."""
    _ = words.gettext
    return _("Passed.") if gate.get("passed") is True else _("Not passed.")


def explain_rows(words: Words, gate: Row, _metric: str | None) -> str:
    """Enough rows to learn from and to judge on."""
    _ = words.gettext
    said = _counts(gate)
    rows, least = figure(gate, "value"), figure(gate, "threshold")
    rows = said.get("rows") if rows is None else rows
    least = said.get("least") if least is None else least
    held = said.get("held")
    if rows is None or least is None:
        return explain_outcome(words, gate)
    if rows < least:
        return _("Only {cases} to learn from; {needed} are needed.").format(
            cases=cases(words, int(rows)), needed=words.numbers.number(least)
        )
    if gate.get("passed") is not True:
        return _("Only {cases} could be set aside for the test; {needed} are needed.").format(
            cases=cases(words, held or 0), needed=words.numbers.number(LEAST_COMMON_ROWS)
        )
    if held is None:
        return _("{cases} to learn from and to test with.").format(cases=cases(words, int(rows)))
    return _("{cases}, of which {held} were set aside for the test.").format(
        cases=cases(words, int(rows)), held=words.numbers.number(held)
    )


def _counts(gate: Row) -> dict[str, int]:
    """The rows that there are, are needed and are held out; of old gates, from the sentence."""
    figures = part(gate, "figures")
    names = {"rows": "training_rows", "least": "training_rows_needed", "held": "holdout_rows"}
    kept = {short: count(figures, name) for short, name in names.items()}
    said = whole_numbers(text(gate, "detail"), _ENOUGH_ROWS)
    return said | {short: number for short, number in kept.items() if number is not None}


def explain_data(words: Words, gate: Row, _metric: str | None) -> str:
    """Nothing forbids learning from the data."""
    detail = text(gate, "detail")
    if gate.get("passed") is True:
        return explain_score(words, figure(gate, "value"))
    return explain_data_problem(words, detail) or detail or explain_score(words, 0.0)


def explain_baseline(words: Words, gate: Row, metric: str | None) -> str:
    """Better than a constant answer."""
    _ = words.gettext
    gain = figure(gate, "value")
    gain = _gain_of_sentence(text(gate, "detail")) if gain is None else gain
    if gain is None:
        return _undefined(words)
    amount = show_change(words, metric, gain)
    if gate.get("passed") is True:
        return _("It is {amount} better than always giving the same answer.").format(amount=amount)
    if gain <= 0:
        return _(
            "It is no better than always giving the same answer: it has learnt nothing useful."
        )
    return _("It is {amount} better than always giving the same answer, which may be luck.").format(
        amount=amount
    ) + _rows_that_tell(words, gate)


def _gain_of_sentence(detail: str) -> float | None:
    """The gain that an engine's sentence tells, where its figure was not kept."""
    found = re.search(_GAIN, detail)
    if found is None:
        return None
    size = float(found["size"]) / (100 if found["percent"] else 1)
    return size if found["way"] == "better" else -size


def _rows_that_tell(words: Words, gate: Row) -> str:
    rows = count(part(gate, "figures"), "rows_needed")
    if rows is None:
        said = r"about (?P<rows>[0-9,]+) (?:held-out|common) rows"
        rows = whole_numbers(text(gate, "detail"), said).get("rows")
    if rows is None:
        return ""
    return " " + words.gettext("About {cases} would tell.").format(cases=cases(words, rows))


def _undefined(words: Words) -> str:
    return words.gettext("All test cases have the same outcome, so its quality cannot be measured.")


def explain_reproduction(words: Words, gate: Row, _metric: str | None) -> str:
    """Loaded afresh, it predicts the same."""
    _ = words.gettext
    share = figure(gate, "value")
    if gate.get("passed") is True:
        return _("Saved and loaded again, the model predicts the same.")
    if share is None:
        return _("Saved and loaded again, the model predicts something else.")
    return _("Saved and loaded again, only {share} of its predictions are the same.").format(
        share=words.numbers.percent(share)
    )


def explain_comparison(words: Words, gate: Row, metric: str | None) -> str:
    """Against the model in use."""
    _ = words.gettext
    detail, gain = text(gate, "detail"), figure(gate, "value")
    if gain is None:
        return _not_compared(words, gate)
    figures = part(gate, "figures")
    outcome = text(figures, "outcome")
    rows = count(figures, "samples")
    if rows is None:
        rows = whole_numbers(detail, r" on (?P<rows>[0-9,]+) rows: ").get("rows")
    sentence = _compared(words, show_change(words, metric, gain), gain, rows)
    if gate.get("passed") is True and gain < 0:
        return " ".join([sentence, _("So small a difference counts as equally good.")])
    if gate.get("passed") is True or outcome == "worse" or detail.endswith("It is worse."):
        return sentence
    luck = [] if gain == 0 else [_("That may be luck.")]
    return " ".join([sentence, *luck]) + _rows_that_tell(words, gate)


def _compared(words: Words, amount: str, gain: float, rows: int | None) -> str:
    _ = words.gettext
    if rows is None:
        equal = _("It is as good as the model in use.")
        better = _("It is {amount} better than the model in use.")
        worse = _("It is {amount} worse than the model in use.")
    else:
        equal = _("It is as good as the model in use, on {cases}.")
        better = _("It is {amount} better than the model in use, on {cases}.")
        worse = _("It is {amount} worse than the model in use, on {cases}.")
    tested = "" if rows is None else cases(words, rows)
    if gain == 0:
        return equal.format(cases=tested)
    return (better if gain > 0 else worse).format(amount=amount, cases=tested)


def _not_compared(words: Words, gate: Row) -> str:
    _ = words.gettext
    detail, figures = text(gate, "detail"), part(gate, "figures")
    outcome = text(figures, "outcome")
    if outcome == "champion_itself" or "this is the champion itself" in detail:
        return _("This is the model in use itself, so there is nothing to compare it with.")
    if gate.get("passed") is True:
        return _("It is the first model, so there is none to compare it with.")
    rows = count(figures, "samples") if outcome == "too_few_rows" else None
    if rows is None:
        rows = whole_numbers(detail, r"Only (?P<rows>[0-9,]+) rows are newer").get("rows")
    if outcome == "no_common_rows" or detail.startswith("No row is newer"):
        return _("No case is new to both models yet, so they could not be compared.")
    if rows is not None:
        return _("The two models can be compared on only {cases}; {needed} are needed.").format(
            cases=cases(words, rows), needed=words.numbers.number(LEAST_COMMON_ROWS)
        )
    if outcome == "not_defined" or "is not defined on these rows" in detail:
        return _undefined(words)
    return _("The model in use could not be tested, so the two could not be compared.")


def explain_agreement(words: Words, gate: Row, _metric: str | None) -> str:
    """Refitted, it is still the model that was tested."""
    _ = words.gettext
    if gate.get("passed") is True:
        return _("Trained once more on all cases, it is still the model that was tested.")
    return _(
        "Trained once more on all cases, it became another model than the one that was tested. "
        "So the tested one is used."
    )
