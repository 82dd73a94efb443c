"""Every public function and class of the numeric packages says how it is used, and shows it.

A function has an example of its own; a class has one, or each of its public methods has. Enums,
protocols, exceptions and records without methods (but properties) are told by their fields.
Whatever takes parameters names each of them.
"""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

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


def public_callables(module: ModuleType) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The functions and methods that are defined in the module, but properties."""
    for name, one in vars(module).items():
        if name.startswith("_") or getattr(one, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(one):
            yield name, one
        elif inspect.isclass(one):
            for method_name in vars(one):
                method = getattr(one, method_name)
                if not method_name.startswith("_") and inspect.isroutine(method):
                    yield f"{name}.{method_name}", method


def named_parameters(docstring: str | None) -> set[str]:
    """What the section Parameters of a NumPy docstring names, a leading * or ** left out."""
    text = inspect.cleandoc(docstring or "")
    section = re.search(
        r"^Parameters\n-+\n(.*?)(?=^[\w ]+\n-+\n|\Z)", text, re.MULTILINE | re.DOTALL
    )
    entries = re.findall(r"^(\S.*?)(?: : .*)?$", section[1], re.MULTILINE) if section else []
    return {name.strip().lstrip("*") for entry in entries for name in entry.split(",")}


def unnamed_parameters(function: Callable[..., Any]) -> list[str]:
    taken = [name for name in inspect.signature(function).parameters if name != "self"]
    named = named_parameters(function.__doc__)
    return [name for name in taken if name not in named]


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_whatever_is_public_names_its_parameters(file: Path) -> None:
    module = importlib.import_module(module_of(file))
    lacking = {name: unnamed_parameters(one) for name, one in public_callables(module)}
    assert {name: unnamed for name, unnamed in lacking.items() if unnamed} == {}


def test_a_parameter_that_is_not_named_is_found() -> None:
    def told(first: int, second: int, *rest: int, depth: int = 0, **options: int) -> None:
        """Do it.

        Parameters
        ----------
        first, second : int
            How often: once.
        *rest
        depth : int, optional
        **options

        Returns
        -------
        lacking : int
        """

    def half_told(depth: int, lacking: int) -> None:
        """Do it.

        Parameters
        ----------
        depth : int
            Not of anything lacking.

        Returns
        -------
        lacking : int
        """

    assert unnamed_parameters(told) == []
    assert unnamed_parameters(half_told) == ["lacking"]


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_whatever_is_public_shows_how_it_is_used(file: Path) -> None:
    assert list(without_example(file.read_text(encoding="utf-8"))) == []


def test_the_examples_are_run_with_the_tests(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.getoption("doctestmodules")
    assert "core" in pytestconfig.getini("testpaths")


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
