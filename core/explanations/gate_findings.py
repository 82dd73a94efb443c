"""What each gate found: the sentences of :func:`core.explanations.gates.explain_gate`."""

from __future__ import annotations

from core.explanations.cases import cases
from core.explanations.changes import change_of_gate
from core.explanations.quality import explain_finding, explain_score
from core.explanations.rows import Row, count, figure, part, parts, text
from core.explanations.words import Words

# As in core.engines.gates, which a function must not load; a test compares them.
LEAST_COMMON_ROWS = 30


def explain_outcome(words: Words, gate: Row) -> str:
    """Whether it passed, where no more is known."""
    _ = words.gettext
    return _("Passed.") if gate.get("passed") is True else _("Not passed.")


def explain_rows(words: Words, gate: Row, _metric: str | None) -> str:
    """Enough rows to learn from and to judge on."""
    _ = words.gettext
    rows, least = figure(gate, "value"), figure(gate, "threshold")
    held = count(part(gate, "figures"), "holdout_rows")
    if rows is None or least is None:
        return _as_written(words, gate)
    if rows < least:
        return _("Only {cases} to learn from; {needed} are needed.").format(
            cases=cases(words, int(rows)), needed=words.numbers.number(least)
        )
    if held is None:
        if gate.get("passed") is not True:
            return _as_written(words, gate)
        return _("{cases} to learn from and to test with.").format(cases=cases(words, int(rows)))
    if gate.get("passed") is not True:
        return _("Only {cases} could be set aside for the test; {needed} are needed.").format(
            cases=cases(words, held), needed=words.numbers.number(LEAST_COMMON_ROWS)
        )
    return _("{cases}, of which {held} were set aside for the test.").format(
        cases=cases(words, int(rows)), held=words.numbers.number(held)
    )


def _as_written(words: Words, gate: Row) -> str:
    """The engines' own sentence, of gates from before their figures were kept."""
    return text(gate, "detail") or explain_outcome(words, gate)


def explain_data(words: Words, gate: Row, _metric: str | None) -> str:
    """Nothing forbids learning from the data."""
    if gate.get("passed") is True:
        return explain_score(words, figure(gate, "value"))
    blocking = [explain_finding(words, one) for one in parts(part(gate, "figures"), "blocking")]
    return " ".join(blocking) or text(gate, "detail") or explain_score(words, 0.0)


def explain_baseline(words: Words, gate: Row, metric: str | None) -> str:
    """Better than a constant answer."""
    _ = words.gettext
    change = change_of_gate(gate, metric)
    gain, amount = change.value, change.show(words)
    if text(part(gate, "figures"), "outcome") == "not_defined":
        return _undefined(words)
    if gain is None or change.metric is None:
        return _as_written(words, gate)
    if gate.get("passed") is True:
        return _("It is {amount} better than always giving the same answer.").format(amount=amount)
    if gain <= 0:
        return _(
            "It is no better than always giving the same answer: it has learnt nothing useful."
        )
    return _("It is {amount} better than always giving the same answer, which may be luck.").format(
        amount=amount
    ) + _rows_that_tell(words, gate)


def _rows_that_tell(words: Words, gate: Row) -> str:
    rows = count(part(gate, "figures"), "rows_needed")
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
    change = change_of_gate(gate, metric)
    gain, figures = change.value, part(gate, "figures")
    if gain is None:
        return _not_compared(words, gate)
    if change.metric is None:
        return _as_written(words, gate)
    sentence = _compared(words, change.show(words), gain, count(figures, "samples"))
    if gate.get("passed") is True and gain < 0:
        return " ".join([sentence, _("So small a difference counts as equally good.")])
    if gate.get("passed") is True or text(figures, "outcome") == "worse":
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
    figures = part(gate, "figures")
    outcome, rows = text(figures, "outcome"), count(figures, "samples")
    if outcome == "champion_itself":
        return _("This is the model in use itself, so there is nothing to compare it with.")
    if outcome == "first_model":
        return _("It is the first model, so there is none to compare it with.")
    if outcome == "no_common_rows":
        return _("No case is new to both models yet, so they could not be compared.")
    if outcome == "too_few_rows" and rows is not None:
        return _("The two models can be compared on only {cases}; {needed} are needed.").format(
            cases=cases(words, rows), needed=words.numbers.number(LEAST_COMMON_ROWS)
        )
    if outcome == "not_defined":
        return _undefined(words)
    if outcome == "champion_not_scored":
        return _("The model in use could not be tested, so the two could not be compared.")
    return _as_written(words, gate)


def explain_agreement(words: Words, gate: Row, _metric: str | None) -> str:
    """Refitted, it is still the model that was tested."""
    _ = words.gettext
    if gate.get("passed") is True:
        return _("Trained once more on all cases, it is still the model that was tested.")
    if text(part(gate, "figures"), "refused_by"):
        return _refused(words, part(gate, "figures"))
    return _(
        "Trained once more on all cases, it became another model than the one that was tested. "
        "So the tested one is used."
    )


def _refused(words: Words, figures: Row) -> str:
    """Why a refit that is still the same model may not be used."""
    _ = words.gettext
    by, found = text(figures, "refused_by"), part(figures, "refused_with")
    cost, budget = figure(found, "value"), figure(found, "budget")
    if by not in {"latency", "size"} or cost is None or budget is None:
        return _(
            "Trained once more on all cases, it could not be saved correctly. So the tested one is "
            "used."
        )
    message = (
        _(
            "Trained once more on all cases, it takes {cost} ms to predict one case; at most "
            "{limit} ms are allowed. So the tested one is used."
        )
        if by == "latency"
        else _(
            "Trained once more on all cases, it takes {cost} MB; at most {limit} MB are allowed. "
            "So the tested one is used."
        )
    )
    return message.format(
        cost=words.numbers.number(cost, 1 if by == "latency" else 2),
        limit=words.numbers.number(budget),
    )
