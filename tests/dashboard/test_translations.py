"""Every text that a person sees is in every language, once, and with the same fields."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from functions.dashboard.language import LOCALES, TRANSLATIONS, load_language

ROOT = Path(__file__).parents[2]
SOURCES = (ROOT / "functions" / "dashboard", ROOT / "core" / "explanations")
METHODS = [
    ("**.py", "python"),
    ("**/templates/**.html", "jinja2"),
    ("templates/**.html", "jinja2"),
]
OPTIONS = {pattern: {"trimmed": "false"} for pattern, method in METHODS if method == "jinja2"}
FIELDS = re.compile(r"%\((\w+)\)s|\{(\w+)[^}]*\}")
# Commands are the same in every language.
COMMAND = re.compile(r"<(code|pre)\b.*?</\1>", re.DOTALL)
TAG = re.compile(r"{#.*?#}|{%.*?%}|{{.*?}}|<[^>]*>|&\w+;", re.DOTALL)
TRANSLATED = re.compile(r"{%-?\s*trans\b.*?endtrans\s*-?%}", re.DOTALL)

Message = str | tuple[str, ...]


def messages() -> dict[Message, set[str]]:
    """Every text of the sources, with the files that have it."""
    found: dict[Message, set[str]] = defaultdict(set)
    for source in SOURCES:
        for name, _, message, _, _ in extract_from_dir(source, METHODS, OPTIONS):
            found[message].add(f"{source.name}/{name}")
    return found


def entries(locale: str) -> Iterator[tuple[str, Message, Message]]:
    """What the catalogues hold: file, text, translation."""
    for file in sorted((TRANSLATIONS / locale).glob("*.po")):
        with file.open("rb") as lines:
            for entry in read_po(lines, locale=locale):
                if entry.id:
                    assert not entry.fuzzy, f"{file.name}: {entry.id} is fuzzy"
                    yield file.name, _plain(entry.id), _plain(entry.string)


def _plain(text: str | list[str] | tuple[str, ...] | None) -> Message:
    return text if isinstance(text, str) else tuple(text or ())


def _texts(message: Message) -> tuple[str, ...]:
    return (message,) if isinstance(message, str) else message


def _fields(text: str) -> set[str]:
    return {a or b for a, b in FIELDS.findall(text)}


@pytest.fixture(scope="module")
def sources() -> dict[Message, set[str]]:
    return messages()


@pytest.mark.parametrize("locale", [code for code in LOCALES if code != "en"])
class TestLanguage:
    def test_every_text_is_translated(self, locale: str, sources: dict[Message, set[str]]) -> None:
        assert len(sources) > 100
        translated = {message for _, message, text in entries(locale) if all(_texts(text))}
        missing = {m: sorted(where) for m, where in sources.items() if m not in translated}
        assert missing == {}

    def test_no_translation_is_left_over(
        self, locale: str, sources: dict[Message, set[str]]
    ) -> None:
        left = [(file, m) for file, m, _ in entries(locale) if m not in sources]
        assert left == []

    def test_the_same_text_is_translated_the_same_everywhere(self, locale: str) -> None:
        seen: dict[Message, set[Message]] = defaultdict(set)
        for _, message, text in entries(locale):
            seen[message].add(text)
        assert {m: texts for m, texts in seen.items() if len(texts) > 1} == {}

    def test_a_translation_has_the_fields_of_its_text(self, locale: str) -> None:
        for file, message, text in entries(locale):
            wanted = set().union(*(_fields(part) for part in _texts(message)))
            for part in _texts(text):
                assert _fields(part) <= wanted, (file, message)
            given = set().union(*(_fields(part) for part in _texts(text)))
            assert given == wanted, (file, message)

    def test_the_pages_speak_it(self, locale: str) -> None:
        language = load_language(locale)
        assert language.gettext("Overview") == "Overzicht"


def test_no_template_has_a_text_that_cannot_be_translated() -> None:
    left: list[tuple[str, str]] = []
    for file in sorted((ROOT / "functions" / "dashboard" / "templates").rglob("*.html")):
        bare = TAG.sub(" ", COMMAND.sub(" ", TRANSLATED.sub(" ", file.read_text())))
        words = re.findall(r"[A-Za-z]{3,}(?: [A-Za-z]{2,})+", bare)
        left += [(file.name, word) for word in words]
    assert left == []
