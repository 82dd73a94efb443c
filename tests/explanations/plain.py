"""What every sentence for people must be, and the languages that they are made in."""

from __future__ import annotations

import re

from core.explanations.words import ENGLISH, Words
from functions.dashboard.formats import Formats
from functions.dashboard.language import load_language

# Words of the trade that nobody outside it knows.
JARGON = re.compile(
    r"p-value|holdout|held.out|champion|challenger|verdict|gate\b|inference|hyperparameter",
    re.IGNORECASE,
)


def dutch() -> Words:
    language = load_language("nl")
    return Words(gettext=language.gettext, ngettext=language.ngettext, numbers=Formats(locale="nl"))


LANGUAGES: dict[str, Words] = {"en": ENGLISH, "nl": dutch()}


def is_plain(sentence: str) -> str:
    """The sentence itself, when a person may read it."""
    assert sentence.strip(), "an empty sentence"
    assert "  " not in sentence, sentence
    assert not re.search(r"\bNone\b|\bnan\b|\binf\b|[{}]", sentence), sentence
    return sentence


def is_free_of_jargon(sentence: str) -> str:
    assert not JARGON.search(is_plain(sentence)), sentence
    return sentence
