"""What must be true of the project as a whole: imports, requirements, SQL style, set-up."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
HEAVY = {
    *("adbc_driver_manager", "apprise", "numpy", "obstore", "pandas", "plotly", "pyarrow"),
    *("sklearn", "supabase"),
}


def test_functions_start_without_the_machine_learning() -> None:
    # Each action's module is a target of its own, beside functions.main.
    script = """
import importlib, json, pkgutil, sys
import functions.main
for module in pkgutil.walk_packages(functions.__path__, "functions."):
    importlib.import_module(module.name)
print(json.dumps(sorted(sys.modules)))
"""
    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert loaded.returncode == 0, loaded.stderr
    modules = set(json.loads(loaded.stdout))
    assert "core.settings" in modules
    assert modules & HEAVY == set()


def test_no_module_of_functions_hides_the_standard_library() -> None:
    # functions-framework puts the folder of the source file on sys.path.
    names = {path.stem for path in (ROOT / "functions").iterdir()}

    assert names & (sys.stdlib_module_names - {"__init__"}) == set()


# Requirements --------------------------------------------------------------------------------


def pinned(name: str) -> dict[str, set[str]]:
    """The versions of each package in a compiled file (several where markers differ)."""
    versions: dict[str, set[str]] = {}
    for line in (ROOT / "requirements" / name).read_text().splitlines():
        if found := re.match(r"([A-Za-z0-9._-]+)==([^ ;\\]+)", line):
            versions.setdefault(canonicalize_name(found[1]), set()).add(found[2])
    return versions


def declared(*, extras: tuple[str, ...] = (), groups: tuple[str, ...] = ()) -> list[Requirement]:
    """The ranges that pyproject.toml keeps."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = pyproject["project"]
    lines: list[str] = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    for group in groups:
        lines += [x for x in pyproject["dependency-groups"][group] if isinstance(x, str)]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize(
    ("name", "requirements"),
    [
        ("all", declared(extras=("worker", "embedded"), groups=("dev", "build"))),
        ("worker", declared(extras=("worker",))),
        ("functions", declared()),
    ],
)
def test_compiled_requirements_hold_every_declared_package_within_its_range(
    name: str, requirements: list[Requirement]
) -> None:
    versions = pinned(f"{name}.txt")

    for requirement in requirements:
        found = versions.get(canonicalize_name(requirement.name))
        assert found, f"{requirement.name} is not in requirements/{name}.txt: make requirements"
        assert all(v in requirement.specifier for v in found), f"{requirement}: make requirements"


@pytest.mark.parametrize("name", ["worker", "functions", "build"])
def test_compiled_requirements_agree_on_versions(name: str) -> None:
    everything = pinned("all.txt")

    differing = {n: v for n, v in pinned(f"{name}.txt").items() if v != everything.get(n)}

    assert differing == {}


def test_compiled_requirements_pin_hashes_and_name_no_host() -> None:
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        text = path.read_text()
        assert "://" not in text
        assert "--index" not in text
        entries = text.replace("\\\n", " ").strip().splitlines()
        assert entries
        assert [e for e in entries if "==" not in e or "--hash=sha256:" not in e] == []


def test_functions_need_no_machine_learning() -> None:
    assert pinned("functions.txt").keys() & {"numpy", "pandas", "pyarrow", "scikit-learn"} == set()


# SQL that sqlfluff reads as one string: function bodies ---------------------------------------


def function_bodies() -> Iterator[tuple[str, int, str]]:
    """File, line number and SQL of every line between dollar quotes."""
    for path in sorted((ROOT / "supabase" / "migrations").glob("*.sql")):
        text = path.read_text()
        for body in re.finditer(r"\$(\w*)\$\n(.*?)\$\1\$", text, re.DOTALL):
            first = text.count("\n", 0, body.start(2)) + 1
            code = re.sub(r"--[^\n]*|'(?:[^']|'')*'|\"[^\"]*\"", emptied, body[2])
            for number, line in enumerate(code.splitlines(), first):
                yield path.name, number, line


def emptied(words: re.Match[str]) -> str:
    """A comment, literal or quoted name without its words; lines keep their numbers."""
    return words[0][:2] if words[0].startswith("--") else "''" + "\n" * words[0].count("\n")


def test_function_bodies_have_lower_case_keywords_and_four_spaces() -> None:
    findings = []
    for name, number, line in function_bodies():
        if re.search(r"\b[A-Z]{2,}\b", line):
            findings.append(f"{name}:{number}: upper case: {line.strip()}")
        if "\t" in line or (len(line) - len(line.lstrip(" "))) % 4:
            findings.append(f"{name}:{number}: indentation: {line}")
        if line != line.rstrip():
            findings.append(f"{name}:{number}: spaces at the end")

    assert findings == []


# Set-up ---------------------------------------------------------------------------------------


def make_with(python: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """`make install` in a folder of its own, with another interpreter."""
    folder.mkdir()
    (folder / "requirements").mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements/all.txt"):
        shutil.copy(ROOT / name, folder / name)
    return subprocess.run(
        ["make", "install", f"PYTHON={python}"],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if not k.startswith("MAKE")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("refuses", "message"),
    [
        ("version_info", "Refit needs Python 3.11 or newer"),
        ("ensurepip", "apt-get install python3-venv"),
    ],
)
def test_a_python_that_does_not_do_is_named_in_a_folder_with_spaces(
    tmp_path: Path, refuses: str, message: str
) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\ncase "$*" in *{refuses}*) exit 1;; esac\nexit 0\n')
    python.chmod(0o755)

    made = make_with(str(python), tmp_path / "a folder")

    assert made.returncode != 0
    assert message in made.stderr
    assert not (tmp_path / "a folder" / ".venv").exists()


def test_a_missing_python_is_said(tmp_path: Path) -> None:
    made = make_with(str(tmp_path / "nothing"), tmp_path / "a folder")

    assert made.returncode != 0
    assert "Python is missing" in made.stderr


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony

    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert [t for t in phony[1].split() if f"make {t} " not in listed] == []


def test_the_image_runs_as_nobody_special_and_brings_no_build_tools() -> None:
    stages = (ROOT / "Dockerfile").read_text(encoding="utf-8").split("\nFROM ")
    final = stages[-1]

    assert len(stages) == 3
    assert re.findall(r"^USER (\S+)", final, re.MULTILINE) == ["10001"]
    assert re.search(r"pip uninstall --yes .*pip", final)
    assert not re.search(r"(pip|apt-get|apk) install", final)
    for role in ("functions", "worker", "scheduler"):
        assert f"command: [{role}]" in (ROOT / "compose.yaml").read_text(encoding="utf-8")
