"""Data quality: the findings, and the score."""

from __future__ import annotations

import re

from core.explanations.quality_sentences import finding_sentence
from core.explanations.rows import Row, part, text, whole_numbers
from core.explanations.words import Words

# How core.monitoring writes each finding that an error's message may hold; those of older rows have
# their figures in the sentence alone.
_SENTENCES = {
    "duplicate_rows": r"(?P<rows>[0-9,]+) rows repeat the key of another\.",
    "missing_column": r'The (?:feature|time|target) column "(?P<column>[^"]*)" is missing\.',
    "all_missing_column": r'"(?P<column>[^"]*)" has no value in any row\.',
    "constant_column": r'"(?P<column>[^"]*)" has the same value in every row\.',
    "infinite_values": r'"(?P<column>[^"]*)" is infinite in (?P<rows>[0-9,]+) rows',
    "too_few_rows": r"(?P<rows>[0-9,]+) labelled rows; (?P<needed>[0-9,]+) are needed\.",
    "time_is_no_time": (
        r'The time column "(?P<column>[^"]*)" holds no time in (?P<rows>[0-9,]+) of [0-9,]+ rows\.'
    ),
    "missing_target": (
        r'The target "(?P<column>[^"]*)" is missing in (?P<rows>[0-9,]+) of [0-9,]+ rows\.'
    ),
    "one_class": r'The target "(?P<column>[^"]*)" has only the class ',
    "target_is_no_number": (
        r'The target "(?P<column>[^"]*)" is no finite number in (?P<rows>[0-9,]+) rows\.'
    ),
    "constant_target": r'The target "(?P<column>[^"]*)" is \S+ in every row\.',
    "is_the_target": r'"(?P<column>[^"]*)" is the target "[^"]*" in other words\.',
    "vanished_column": (
        r'"(?P<column>[^"]*)" has no value in any row; when the champion was trained it had one in '
        r"[0-9]+ % of them\."
    ),
    "known_after_label": (
        r'"(?P<column>[^"]*)" is empty in (?P<waiting_empty>[0-9,]+) of (?P<pairs>[0-9,]+) rows '
        r'that wait for "[^"]*", and in (?P<labelled_empty>[0-9,]+) of [0-9,]+ labelled rows'
    ),
}
FINDINGS = (
    *_SENTENCES,
    "missing_values",
    "stale_rows",
    "rare_class",
    "tells_the_target",
    "missing_tells_the_target",
    "later_than_row",
    "changed_kind",
    "out_of_range",
)


def finding_label(words: Words, name: str | None) -> str:
    """A finding's name for people.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> finding_label(ENGLISH, "duplicate_rows")
    'Cases that occur twice'
    """
    _ = words.gettext
    labels = {
        "duplicate_rows": _("Cases that occur twice"),
        "missing_column": _("Missing column"),
        "all_missing_column": _("Empty column"),
        "constant_column": _("Column that never changes"),
        "infinite_values": _("Infinite values"),
        "too_few_rows": _("Too few cases"),
        "time_is_no_time": _("Unreadable times"),
        "missing_target": _("Missing outcomes"),
        "one_class": _("Only one outcome"),
        "target_is_no_number": _("Outcomes that are no numbers"),
        "constant_target": _("Outcome that never changes"),
        "missing_values": _("Mostly empty column"),
        "stale_rows": _("Old data"),
        "rare_class": _("Rare outcome"),
        "is_the_target": _("Column that is the outcome"),
        "tells_the_target": _("Column that gives the outcome away"),
        "missing_tells_the_target": _("Gap that gives the outcome away"),
        "later_than_row": _("Column from the future"),
        "known_after_label": _("Column filled in with the outcome"),
        "vanished_column": _("Column that is no longer filled in"),
        "changed_kind": _("Another kind of values"),
        "out_of_range": _("Values never seen before"),
    }
    return labels.get(name or "") or (name or "").replace("_", " ") or _("Finding")


def explain_finding(words: Words, finding: Row) -> str:
    """What was found in the training data, and what it means.

    Parameters
    ----------
    words : Words
    finding : mapping
        ``{name, column, blocking, detail, figures}``, of a quality row's ``findings``; of one from
        before its figures were kept, its ``detail`` is told as it was written.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> explain_finding(ENGLISH, {"name": "duplicate_rows", "column": None, "blocking": False,
    ...                           "figures": {"rows": 12}})
    'Repeated: 12 cases. What occurs twice counts too much.'
    """
    name, detail = text(finding, "name"), text(finding, "detail")
    if "figures" not in finding and detail:
        return detail
    figures = part(finding, "figures")
    sentence = finding_sentence(words, name, text(finding, "column"), figures)
    return sentence or detail or finding_label(words, name)


def explain_data_problem(words: Words, detail: str) -> str:
    """The findings that an error's message is made of; empty where it is about something else.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> explain_data_problem(ENGLISH, "12 labelled rows; 100 are needed.")
    'The outcome of only 12 cases is known; 100 are needed.'
    """
    sentences = []
    for name, pattern in _SENTENCES.items():
        for found in re.finditer(pattern, detail):
            column = found.groupdict().get("column") or ""
            figures = whole_numbers(found.group(), pattern)
            sentences.append((found.start(), finding_sentence(words, name, column, figures)))
    return " ".join(sentence for _start, sentence in sorted(sentences))


def explain_score(words: Words, score: float | None) -> str:
    """What a quality score (0 to 1) says.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> explain_score(ENGLISH, 0.934), explain_score(ENGLISH, 0)
    ('93 out of 100: good, with small gaps.', 'This data cannot be used for training.')
    """
    _ = words.gettext
    if score is None or not 0 <= score <= 1:
        return _("The data has not been checked yet.")
    if score == 0:
        return _("This data cannot be used for training.")
    if score >= 0.95:
        message = _("{score} out of 100: clean.")
    elif score >= 0.8:
        message = _("{score} out of 100: good, with small gaps.")
    elif score >= 0.5:
        message = _("{score} out of 100: usable, but much is missing, repeated or of no use.")
    else:
        message = _("{score} out of 100: poor, much is missing, repeated or of no use.")
    # Rounded down: what is called 100 has no gap.
    return message.format(score=words.numbers.number(int(100 * score + 1e-9)))
