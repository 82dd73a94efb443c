from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

import core.explanations

PACKAGE = Path(core.explanations.__file__).parent
ROOT = PACKAGE.parents[1]
CATALOGUE = ROOT / "functions" / "dashboard" / "translations" / "nl" / "explanations.po"
# What is the same word in both languages, or a name.
SAME_IN_BOTH = {
    "Model",
    "Open",
    "Refit",
    "Training",
    "Log loss",
    "Test",
    "open",
    "{stage}.",
    "{thing}: {what}",
}


def texts() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every text of the package: where it is, and its forms."""
    for module in sorted(PACKAGE.glob("*.py")):
        for line, message, _comments, _context in extract_from_file("python", module):
            forms = (message,) if isinstance(message, str) else tuple(message)
            yield f"{module.name}:{line}", forms


def fields(text: str) -> set[str]:
    return {
        name for _literal, name, _spec, _conversion in Formatter().parse(text) if name is not None
    }


@pytest.fixture(scope="module")
def dutch() -> dict[tuple[str, ...], tuple[str, ...]]:
    with CATALOGUE.open("rb") as lines:
        catalogue = read_po(lines, locale="nl")
    return {forms_of(message.id): forms_of(message.string) for message in catalogue if message.id}


def forms_of(text: object) -> tuple[str, ...]:
    return tuple(map(str, text)) if isinstance(text, list | tuple) else (str(text),)


def test_every_text_has_a_dutch_translation(
    dutch: dict[tuple[str, ...], tuple[str, ...]],
) -> None:
    lacking = [f"{where} {forms}" for where, forms in texts() if not all(dutch.get(forms, ("",)))]
    assert not lacking, "\n".join(lacking)


def test_translations_have_the_fields_of_their_texts(
    dutch: dict[tuple[str, ...], tuple[str, ...]],
) -> None:
    for forms, translated in dutch.items():
        wanted = set.union(*map(fields, forms))
        assert "" not in wanted, f"{forms}: fields have names"
        for text in translated:
            # A singular may leave out the number: "every minute".
            assert fields(text) <= wanted, f"{forms} → {text}"
        assert fields(translated[-1]) == wanted, f"{forms} → {translated}"


def test_the_catalogue_has_no_text_that_nothing_says(
    dutch: dict[tuple[str, ...], tuple[str, ...]],
) -> None:
    assert set(dutch) <= {forms for _where, forms in texts()}


def test_what_is_translated_is_no_longer_english(
    dutch: dict[tuple[str, ...], tuple[str, ...]],
) -> None:
    same = {forms[0] for forms, translated in dutch.items() if forms[0] == translated[0]}
    assert same == SAME_IN_BOTH


def test_no_text_is_put_together_where_nobody_can_find_it() -> None:
    # Babel reads no text inside an f-string of this Python, nor one that a variable holds.
    for module in PACKAGE.glob("*.py"):
        source = module.read_text(encoding="utf-8")
        assert "{_(" not in source, module.name
        assert "gettext(f" not in source, module.name
        assert " _(f" not in source, module.name
