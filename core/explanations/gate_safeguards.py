"""What the safeguards beside the comparison found: certainty, groups of cases, time and size."""

from __future__ import annotations

from core.explanations.cases import cases, quoted
from core.explanations.changes import change_of_slice
from core.explanations.metrics import show_change
from core.explanations.rows import Row, count, figure, part, parts, text
from core.explanations.words import Words


def explain_latency(words: Words, gate: Row, _metric: str | None) -> str:
    """How long one prediction takes."""
    _ = words.gettext
    value, most = figure(gate, "value"), figure(gate, "threshold")
    if value is None:
        return _too_costly(words, gate, _("It takes too long to predict."))
    taken = _("It takes {time} ms to predict one case.").format(time=words.numbers.number(value, 1))
    return _against(words, taken, most, "ms")


def explain_size(words: Words, gate: Row, _metric: str | None) -> str:
    """How large the saved model is."""
    _ = words.gettext
    value, most = figure(gate, "value"), figure(gate, "threshold")
    if value is None:
        return _too_costly(words, gate, _("The saved model is too large."))
    taken = _("The saved model takes {size} MB.").format(size=words.numbers.number(value, 2))
    return _against(words, taken, most, "MB")


def _too_costly(words: Words, gate: Row, failed: str) -> str:
    return words.gettext("Passed.") if gate.get("passed") is True else failed


def _against(words: Words, taken: str, most: float | None, unit: str) -> str:
    if most is None:
        return taken
    allowed = words.gettext("At most {limit} {unit} are allowed.").format(
        limit=words.numbers.number(most), unit=unit
    )
    return f"{taken} {allowed}"


def explain_calibration(words: Words, gate: Row, _metric: str | None) -> str:
    """Whether it is as sure as it may be."""
    _ = words.gettext
    figures = part(gate, "figures")
    ours, theirs = figure(figures, "challenger"), figure(figures, "champion")
    if ours is None or theirs is None:
        if gate.get("passed") is True:
            return _("There is nothing to compare here.")
        return _("How sure it is says less about the truth than with the model in use.")
    return _(
        "How sure it is differs by {ours} from how often it is right; with the model in use it is "
        "{theirs}."
    ).format(
        ours=show_change(words, "accuracy", ours), theirs=show_change(words, "accuracy", theirs)
    )


def explain_slices(words: Words, gate: Row, metric: str | None) -> str:
    """Whether any group of cases gets worse predictions."""
    _ = words.gettext
    figures = part(gate, "figures")
    listed = figures.get("missing_columns")
    missing = listed if isinstance(listed, list | tuple) else []
    names = ", ".join(quoted(words, name) for name in missing if isinstance(name, str) and name)
    if names:
        return _("The groups cannot be compared: the data lacks {names}.").format(names=names)
    found = parts(figures, "slices")
    failed = [one for one in found if text(one, "verdict") in {"worse", "undecided", "not_defined"}]
    if failed:
        return " ".join(_group(words, one, figures, metric) for one in failed)
    if gate.get("passed") is not True:
        return _("It has not been shown that no group of cases gets worse predictions.")
    if not any(text(one, "verdict") == "as_good" for one in found):
        return _("No group has enough cases to be compared.")
    return _("No group of cases gets clearly worse predictions.")


def _group(words: Words, one: Row, figures: Row, metric: str | None) -> str:
    _ = words.gettext
    group = " = ".join(filter(None, (text(one, "column"), text(one, "value")))) or _("One group")
    change, tested = change_of_slice(one, figures, metric), cases(words, count(one, "rows") or 0)
    if change.value is None:
        return _("{group}: its quality cannot be measured on {cases}.").format(
            group=group, cases=tested
        )
    amount = change.show(words)
    if text(one, "verdict") == "worse":
        message = _("{group}: {amount} worse than the model in use, on {cases}.")
    else:
        message = _("{group}: {cases} are too few to tell whether it gets worse.")
    return message.format(group=group, amount=amount, cases=tested)
