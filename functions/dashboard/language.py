"""The languages of the pages: texts from gettext catalogues, of which each page has its own.

A catalogue is a ``.po`` file that a person edits. There is no compiled copy to forget: the process
reads them all at its first page.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from flask import Request

LOCALES = ("en", "nl")
TRANSLATIONS = Path(__file__).parent / "translations"


@dataclass(frozen=True, kw_only=True)
class Language:
    """One language of the pages; English is what the sources are written in."""

    locale: str
    translations: NullTranslations

    def gettext(self, text: str) -> str:
        """The text in this language."""
        return self.translations.gettext(text) if text else ""

    def ngettext(self, singular: str, plural: str, count: int) -> str:
        """The text for this many."""
        return self.translations.ngettext(singular, plural, count)


@cache
def load_language(locale: str) -> Language:
    """A language with all its catalogues."""
    files = sorted((TRANSLATIONS / locale).glob("*.po"))
    translations = _merge(locale, files) if files else NullTranslations()
    return Language(locale=locale, translations=translations)


def choose_locale(request: Request) -> str:
    """The language that the browser prefers, of those that there are."""
    # The best first, and en-GB is English: Werkzeug's own choice would take a plain nl before it.
    for tag, quality in request.accept_languages:
        locale = tag.partition("-")[0].lower()
        if locale in LOCALES and quality > 0:
            return locale
    return LOCALES[0]


def _merge(locale: str, files: list[Path]) -> GNUTranslations:
    from babel.messages.catalog import Catalog
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    merged = Catalog(locale=locale)
    for file in files:
        with file.open("rb") as lines:
            for message in read_po(lines, locale=locale):
                if message.id:
                    merged.add(message.id, message.string, context=message.context)
    compiled = BytesIO()
    write_mo(compiled, merged)
    compiled.seek(0)
    return GNUTranslations(compiled)
