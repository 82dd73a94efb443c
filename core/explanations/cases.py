"""Counts of cases and chances, which many sentences share."""

from __future__ import annotations

from core.explanations.words import Words


def new_cases(words: Words, count: int) -> str:
    """How many newly labelled rows.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> new_cases(ENGLISH, 1240), new_cases(ENGLISH, 1)
    ('1,240 new cases', '1 new case')
    """
    message = words.ngettext("{count} new case", "{count} new cases", count)
    return message.format(count=words.numbers.number(count))


def more_new_cases(words: Words, count: int) -> str:
    """How many newly labelled rows beside those that there are.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> more_new_cases(ENGLISH, 200)
    '200 more new cases'
    """
    message = words.ngettext("{count} more new case", "{count} more new cases", count)
    return message.format(count=words.numbers.number(count))


def cases(words: Words, count: int) -> str:
    """How many rows.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> cases(ENGLISH, 30)
    '30 cases'
    """
    message = words.ngettext("{count} case", "{count} cases", count)
    return message.format(count=words.numbers.number(count))


def quoted(words: Words, name: str) -> str:
    """A name or somebody's own words, in quotation marks.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> quoted(ENGLISH, "price")
    '“price”'
    """
    return words.gettext("“{name}”").format(name=name)


def odds(words: Words, probability: float) -> str:
    """A probability as people say it: 1 in so many, with two leading digits.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> odds(ENGLISH, 0.00034), odds(ENGLISH, 0.4), odds(ENGLISH, 0)
    ('1 in 2,900', '1 in 2.5', 'less than 1 in 1,000,000')
    """
    _ = words.gettext
    if probability < 1e-6:
        return _("less than 1 in {times}").format(times=words.numbers.number(1_000_000))
    times = float(f"{1 / probability:.2g}")
    return _("1 in {times}").format(times=words.numbers.number(times))
