"""Columns that the data has no longer, as the messages of errors name them."""

from __future__ import annotations

import re

from core.explanations.cases import quoted
from core.explanations.words import Words

# How core.datasets.catalog, core.engines and core.monitoring.data_quality write them.
_LISTS = (
    r"has no column (?P<names>'[^']+'|\"[^\"]+\")\.",
    r'needs the columns? (?P<names>"[^"]+"(?:, "[^"]+")*), missing here',
    r"needs the column\(s\) (?P<names>[^.]+)\.",
    r'The (?:feature|time|target) column (?P<names>"[^"]+") is missing\.',
)


def missing_columns(detail: str) -> list[str]:
    """The names of the columns that an error's message says are missing.

    Examples
    --------
    >>> missing_columns("public.posts has no column 'price'.")
    ['price']
    >>> missing_columns('The model needs the columns "price", "plan", missing here.')
    ['price', 'plan']
    >>> missing_columns("The training took longer than 60 s.")
    []
    """
    names = [
        name.strip("'\"")
        for pattern in _LISTS
        for found in re.finditer(pattern, detail)
        for name in found["names"].split(", ")
    ]
    return list(dict.fromkeys(names))


def explain_missing_columns(words: Words, detail: str) -> str:
    """Which columns are gone; empty where the message names none.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> explain_missing_columns(
    ...     ENGLISH, 'The model needs the columns "price", "plan", missing here.'
    ... )
    'The columns “price”, “plan” that the model needs are gone from the data.'
    """
    names = missing_columns(detail)
    if not names:
        return ""
    message = words.ngettext(
        "The column {columns} that the model needs is gone from the data.",
        "The columns {columns} that the model needs are gone from the data.",
        len(names),
    )
    return message.format(columns=", ".join(quoted(words, name) for name in names))
