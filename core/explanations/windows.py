"""Why a training learnt from the cases that it did."""

from __future__ import annotations

from core.explanations.cases import cases
from core.explanations.rows import Row, count, figure, moment, part, parts
from core.explanations.words import Words


def explain_window(words: Words, plan: Row) -> list[str]:
    """Which cases a training learnt from, which tested it, and why these.

    Parameters
    ----------
    words : Words
    plan : mapping
        A job's or a model's ``plan``.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> explain_window(ENGLISH, {
    ...     "window_start": "2026-01-01T00:00:00Z", "window_end": "2026-03-01T00:00:00Z",
    ...     "train_rows": 700, "calibration_rows": 100, "holdout_rows": 200,
    ...     "figures": {"rows": 1000, "holdout_rows": 200, "newer_rows": None}})
    ['It learnt from 800 cases, from 1 Jan 2026 to 1 Mar 2026. The newest 200 cases were set \
aside to test it.']
    """
    found = (_which(words, plan), _new_to_both(words, plan), _how_far_back(words, plan))
    return [sentence for sentence in found if sentence]


def explain_planned_window(words: Words, plan: Row) -> list[str]:
    """Which cases a training that made no model was to learn from.

    Parameters
    ----------
    words : Words
    plan : mapping
        A job's ``plan``.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> explain_planned_window(ENGLISH, {
    ...     "window_start": "2026-01-01T00:00:00Z", "window_end": "2026-03-01T00:00:00Z",
    ...     "train_rows": 700, "calibration_rows": 100, "holdout_rows": 200})
    ['It was to learn from 800 cases, from 1 Jan 2026 to 1 Mar 2026, and the newest 200 cases were \
to test it.']
    """
    planned = words.gettext(
        "It was to learn from {learnt}, from {start} to {end}, and the newest {held} were to test "
        "it."
    )
    sentence = _told(words, plan, planned)
    return [sentence] if sentence else []


def _which(words: Words, plan: Row) -> str:
    learnt = words.gettext(
        "It learnt from {learnt}, from {start} to {end}. The newest {held} were set aside to test "
        "it."
    )
    return _told(words, plan, learnt)


def _told(words: Words, plan: Row, sentence: str) -> str:
    """The sentence with the plan's figures; empty where one of these is missing."""
    trained, held = count(plan, "train_rows"), count(plan, "holdout_rows")
    start, end = moment(plan, "window_start"), moment(plan, "window_end")
    if trained is None or held is None or start is None or end is None:
        return ""
    return sentence.format(
        learnt=cases(words, trained + (count(plan, "calibration_rows") or 0)),
        held=cases(words, held),
        start=words.numbers.date(start),
        end=words.numbers.date(end),
    )


def _new_to_both(words: Words, plan: Row) -> str:
    _ = words.gettext
    newer, held = count(part(plan, "figures"), "newer_rows"), count(plan, "holdout_rows")
    if newer is None or held is None:
        return ""
    if newer >= held:
        return _(
            "All of these compare it with the model in use, which has not learnt from the newest "
            "{newer}."
        ).format(newer=cases(words, newer))
    return _(
        "Of these, the {newer} that the model in use has not learnt from compare the two."
    ).format(newer=cases(words, newer))


def _how_far_back(words: Words, plan: Row) -> str:
    """Why the window is as long as it is, where lengths were tried."""
    _ = words.gettext
    window = part(part(plan, "figures"), "window")
    known, chosen = count(window, "known_rows"), count(window, "chosen_rows")
    if known is None or chosen is None:
        return ""
    if not parts(window, "candidates") or figure(window, "validation_rows") is None:
        return _("There are too few older cases to try learning from less.")
    if chosen >= known:
        return _("It learnt from everything: with only the newer cases it did not do better.")
    return _(
        "It left older cases out: having learnt from the newest {chosen} alone it did better than "
        "from all {known}."
    ).format(chosen=cases(words, chosen), known=words.numbers.number(known))
