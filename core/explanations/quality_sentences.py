"""What each finding about training data says and means, from its figures."""

from __future__ import annotations

from core.explanations.cases import cases, quoted
from core.explanations.metrics import MISSING
from core.explanations.rows import Row, count, figure, moment, text
from core.explanations.words import Words


def finding_sentence(words: Words, name: str, column: str, figures: Row) -> str:
    """The sentence of a finding; empty for one that has none.

    Parameters
    ----------
    words : Words
    name : str
        The finding's.
    column : str
        The column that it is about; empty where it is about the rows.
    figures : mapping
        What the finding was made from; one that is missing is left out of the sentence.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> finding_sentence(ENGLISH, "duplicate_rows", "", {"rows": 12})
    'Repeated: 12 cases. What occurs twice counts too much.'
    >>> finding_sentence(ENGLISH, "missing_values", "income", {"share": 0.62})
    'The column “income” is empty in 62% of the cases.'
    """
    sentences = _of_rows(words, figures) | _of_columns(words, figures) | _of_target(words, figures)
    sentences |= _of_suspicions(words, figures) | _of_changes(words, figures)
    rows, of = count(figures, "rows"), count(figures, "of")
    sentence = sentences.get(name, "").format(
        cases=words.gettext("some cases") if rows is None else cases(words, rows),
        all=MISSING if of is None else words.numbers.number(of),
        column=quoted(words, column) if column else "",
        needed=_number(words, figures, "needed"),
        value=quoted(words, text(figures, "value")),
        share=_share(words, figures, "share"),
        before=_share(words, figures, "before"),
        low=_number(words, figures, "low"),
        high=_number(words, figures, "high"),
        pairs=_number(words, figures, "pairs"),
        waiting_empty=_number(words, figures, "waiting_empty"),
        labelled_empty=_number(words, figures, "labelled_empty"),
        age=_duration(words, figures, "age_seconds"),
        usual=_duration(words, figures, "usual_seconds"),
        since=_date(words, figures),
    )
    return " ".join(sentence.split())


def _number(words: Words, figures: Row, name: str) -> str:
    value = figure(figures, name)
    return MISSING if value is None else words.numbers.number(value)


def _share(words: Words, figures: Row, name: str) -> str:
    value = figure(figures, name)
    # Rounded down: what is called 100 % is all.
    return MISSING if value is None else words.numbers.percent(int(1000 * value + 1e-9) / 1000)


def _duration(words: Words, figures: Row, name: str) -> str:
    seconds = figure(figures, name)
    return MISSING if seconds is None else words.numbers.duration(seconds)


def _date(words: Words, figures: Row) -> str:
    newest = moment(figures, "newest")
    return MISSING if newest is None else words.numbers.date(newest)


def _of_rows(words: Words, figures: Row) -> dict[str, str]:
    _ = words.gettext
    known = count(figures, "rows") is not None and count(figures, "needed") is not None
    aged = figure(figures, "age_seconds") is not None
    return {
        "duplicate_rows": _("Repeated: {cases}. What occurs twice counts too much."),
        "too_few_rows": _("The outcome of only {cases} is known; {needed} are needed.")
        if known
        else _("There are too few cases with a known outcome."),
        "time_is_no_time": _("The column {column} should hold times, and does not everywhere."),
        "stale_rows": _(
            "The last outcome became known on {since}, {age} ago; usually that is no longer ago "
            "than {usual}. Does new data still arrive?"
        )
        if aged
        else _("No outcome has become known for longer than usual. Does new data still arrive?"),
    }


def _of_columns(words: Words, figures: Row) -> dict[str, str]:
    _ = words.gettext
    return {
        "missing_column": _("The column {column} is gone from the data."),
        "all_missing_column": _("The column {column} is empty, so nothing can be learnt from it."),
        "missing_values": _("The column {column} is empty in {share} of the cases.")
        if figure(figures, "share") is not None
        else _("The column {column} is empty in most cases."),
        "constant_column": _(
            "The column {column} has the same value everywhere, so nothing can be learnt from it."
        ),
        "infinite_values": _("The column {column} holds infinite values; they count as missing."),
    }


def _of_target(words: Words, figures: Row) -> dict[str, str]:
    _ = words.gettext
    same = _("The outcome {column} is the same in every case, so there is nothing to tell apart.")
    return {
        "missing_target": _("The outcome {column} is missing in part of the data."),
        "one_class": same,
        "target_is_no_number": _("The outcome {column} should be a number, and is not everywhere."),
        "constant_target": same,
        "rare_class": _(
            "In {column} the outcome {value} occurs in only {cases}: too few to learn it, or to "
            "see whether it was learnt."
        )
        if text(figures, "value")
        else _("One of the outcomes of {column} occurs too seldom to be learnt."),
    }


def _of_suspicions(words: Words, figures: Row) -> dict[str, str]:
    _ = words.gettext
    return {
        "is_the_target": _(
            "The column {column} is the outcome itself, in other words. A model would only copy "
            "it; leave the column out."
        ),
        "tells_the_target": _(
            "The column {column} alone gives the outcome almost every time. Was it really known "
            "before the outcome? If not, leave it out."
        ),
        "missing_tells_the_target": _(
            "Whether the column {column} is filled in gives the outcome away. It may be filled in "
            "only afterwards; if so, leave it out."
        ),
        "later_than_row": _(
            "The column {column} is later than the case itself in {cases} of {all}. If it is not "
            "known when the model predicts, leave it out."
        )
        if count(figures, "of") is not None
        else _(
            "The column {column} is later than the case itself. If it is not known when the model "
            "predicts, leave it out."
        ),
        "known_after_label": _(
            "The column {column} is filled in together with the outcome: it is empty in "
            "{waiting_empty} of {pairs} cases that still wait for theirs, and in {labelled_empty} "
            "of as many others of about the same time. Leave it out."
        )
        if count(figures, "pairs") is not None
        else _(
            "The column {column} is filled in together with the outcome, so it is not known when "
            "the model predicts. Leave it out."
        ),
    }


def _of_changes(words: Words, figures: Row) -> dict[str, str]:
    _ = words.gettext
    return {
        "vanished_column": _(
            "The column {column} is empty now. When the model in use was trained, it was filled in "
            "{before} of the cases."
        )
        if figure(figures, "before") is not None
        else _("The column {column} is empty now; the model in use has learnt from it."),
        "changed_kind": {
            "numbers": _("The column {column} holds numbers now; it did not before."),
            "words": _("The column {column} holds words now; it did not before."),
            "times": _("The column {column} holds times now; it did not before."),
        }.get(text(figures, "now"), _("The column {column} holds another kind of values now.")),
        "out_of_range": _(
            "The column {column} is outside of {low} to {high} in {cases} of the newest {all}: the "
            "model in use has never seen such values."
        )
        if count(figures, "of") is not None
        else _("The column {column} has values that the model in use has never seen."),
    }
