"""What the doctor finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.errors import RefitError


class Outcome(StrEnum):
    """How grave a finding is."""

    OK = "ok"
    WARN = "warn"  # works, but somebody should look
    FAIL = "fail"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    area: str  # database, queue, artifacts, workers, schedules, model_types, champions, …
    outcome: Outcome
    what: str
    mend: str | None = None


def ok(area: str, what: str) -> Finding:
    """Something is well."""
    return Finding(area=area, outcome=Outcome.OK, what=what)


def warn(area: str, what: str, mend: str) -> Finding:
    """Something works, but somebody should look."""
    return Finding(area=area, outcome=Outcome.WARN, what=what, mend=mend)


def fail(area: str, error: RefitError, what: str | None = None) -> Finding:
    """Something does not work."""
    text = f"{what}: {error.message}" if what else error.message
    return Finding(area=area, outcome=Outcome.FAIL, what=text, mend=error.hint)


def look(area: str, find: Callable[..., Iterator[Finding]], *arguments: Any) -> list[Finding]:
    """All findings of one look; an error that ends it is one of them."""
    findings: list[Finding] = []
    try:
        findings.extend(find(*arguments))
    except RefitError as exc:
        findings.append(fail(area, exc))
    return findings
