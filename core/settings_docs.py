"""Writes ``.env.example`` and ``docs/configuration.md`` from the settings: ``python -m …``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo

from core.settings import Settings

ROOT = Path(__file__).resolve().parents[1]

_ENV_HEAD = """\
# Made from core/settings.py: python -m core.settings_docs
# Copy what you need to .env or .env.local; the environment itself wins over both.
"""
_PAGE_HEAD = """\
# Configuration

Made from `core/settings.py` by `python -m core.settings_docs`.

Refit reads the environment, then `.env.local`, then `.env` in the working directory; the first
that has a variable wins. Without `DATABASE_URL` and `SUPABASE_URL`, the local commands start
PostgreSQL and Valkey below `REFIT_HOME`; `refit worker`, `refit scheduler` and the functions start
no server, and name the variable that is missing.
"""


def env_example() -> str:
    """The text of ``.env.example``: every variable, commented out, with its default."""
    blocks = []
    for name, field in _variables():
        blocks.append(f"# {_meaning(field)}\n# {name}={_default(field)}\n")
    return "\n".join([_ENV_HEAD, *blocks])


def configuration_page() -> str:
    """The text of ``docs/configuration.md``: a table of the ecosystem's names, and one of ours."""
    rows: dict[bool, list[str]] = {True: [], False: []}
    for name, field in _variables():
        default = _default(field)
        shown = f"`{default}`" if default else "–"
        meaning = f"{_meaning(field)}{' Secret.' if _is_secret(field) else ''}"
        rows[name.startswith("REFIT_")].append(f"| `{name}` | {shown} | {meaning} |")
    head = ["| variable | default | meaning |", "|---|---|---|"]
    lines = [
        *(_PAGE_HEAD, "## The ecosystem's names", ""),
        *(*head, *rows[False], ""),
        *("## Refit's own", ""),
        *(*head, *rows[True], ""),
    ]
    return "\n".join(lines)


def _variables() -> Iterator[tuple[str, FieldInfo]]:
    """Each setting with its variable's name."""
    for field in Settings.model_fields.values():
        yield _names(field)[0], field


def _names(field: FieldInfo) -> list[str]:
    """The variable's name, and others that are read where it is not set."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices]
    return [str(alias)]


def _meaning(field: FieldInfo) -> str:
    """What a variable is for, and how else it may be called."""
    others = "".join(f" Or {name}." for name in _names(field)[1:])
    return f"{field.description}{others}"


def _default(field: FieldInfo) -> str:
    """The default as it would be written; the only computed one is the user's data folder."""
    if field.default_factory is not None:
        return "~/.local/share/refit"
    return "" if field.default is None else str(field.default)


def _is_secret(field: FieldInfo) -> bool:
    return field.annotation == SecretStr | None


def write() -> None:
    """Write both files."""
    (ROOT / ".env.example").write_text(env_example(), encoding="utf-8")
    (ROOT / "docs" / "configuration.md").write_text(configuration_page(), encoding="utf-8")


if __name__ == "__main__":
    write()
