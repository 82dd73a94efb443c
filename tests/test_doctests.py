"""Every public function and class of the numeric packages shows how it is used, truthfully.

A function has an example of its own; a class has one, or each of its public methods has. Enums,
protocols, exceptions and records without methods (but properties) are told by their fields.
"""

from __future__ import annotations

import ast
import doctest
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("engines", "monitoring", "backtest")
FILES = sorted(file for name in PACKAGES for file in (ROOT / "core" / name).rglob("*.py"))
_TOLD_BY_FIELDS = {"Enum", "StrEnum", "Protocol", "Exception"}
Documented = ast.FunctionDef | ast.ClassDef


def module_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def has_example(node: Documented) -> bool:
    """One of its own, or the name of another function whose example shows it."""
    docstring = ast.get_docstring(node) or ""
    referred = re.search(r"^Examples\n-+\nSee :(func|class|meth):`", docstring, re.MULTILINE)
    return bool(doctest.DocTestParser().get_examples(docstring)) or referred is not None


def public_methods(node: ast.ClassDef) -> list[ast.FunctionDef]:
    methods = [one for one in node.body if isinstance(one, ast.FunctionDef)]
    return [
        one
        for one in methods
        if not one.name.startswith("_")
        and not any(ast.unparse(mark) == "property" for mark in one.decorator_list)
    ]


def without_example(source: str) -> Iterator[str]:
    for node in ast.parse(source).body:
        if not isinstance(node, Documented) or node.name.startswith("_") or has_example(node):
            continue
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif not _TOLD_BY_FIELDS & {ast.unparse(base) for base in node.bases}:
            lacking = [one.name for one in public_methods(node) if not has_example(one)]
            if lacking:
                yield f"{node.name} ({', '.join(lacking)})"


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_whatever_is_public_shows_how_it_is_used(file: Path) -> None:
    assert list(without_example(file.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_the_examples_are_true(file: Path) -> None:
    module = importlib.import_module(module_of(file))

    failed, _tried = doctest.testmod(module)

    assert failed == 0


def test_what_lacks_an_example_is_found() -> None:
    source = '''
def shown():
    """
    >>> shown()
    """
def bare(): "Nothing."
def _own(): ...
class Record:
    @property
    def size(self): ...
class Doer:
    def act(self): ...
'''
    assert list(without_example(source)) == ["bare", "Doer (act)"]
