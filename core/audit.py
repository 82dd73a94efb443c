"""Whether the audit log still says what was sealed.

Seals are a hash chain over the log: each covers the rows of transactions that had all ended, and
the hash of the seal before. The owner of the database can still rewrite both, so heads (number and
hash of the newest seal) that are kept elsewhere are compared too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.errors import InvalidRequest
from core.store import Store

_LINE = re.compile(r"(\d+)\s+([0-9a-f]{64})(?:\s.*)?")


@dataclass(frozen=True, kw_only=True)
class Head:
    """A seal as somebody wrote it down elsewhere."""

    number: int
    hash: str


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something that does not fit.

    ``kind`` is ``seal_missing``, ``seal_changed``, ``chain_broken``, ``rows_removed``,
    ``rows_added``, ``rows_changed`` or ``head_differs``; ``detail`` has the range and the times.
    """

    kind: str
    message: str
    detail: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {"problem": self.kind, "message": self.message, **self.detail}


@dataclass(frozen=True, kw_only=True)
class PrunedMonth:
    """A month whose rows are gone, as the chain itself says; ``seal`` is the entry that says it.

    Whoever owns the database can write such an entry too: only a person can tell whether the
    month was old enough at ``pruned_at``.
    """

    seal: int
    month: str
    rows: int
    pruned_at: str

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What a comparison of the whole log found.

    ``rows`` were hashed again; ``pruned_rows`` were removed by retention, which the chain says
    itself.
    """

    seals: int
    rows: int
    pruned_rows: int
    heads: int
    pruned: tuple[PrunedMonth, ...] = ()
    problems: tuple[Problem, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "ok": not self.problems,
            "seals": self.seals,
            "rows": self.rows,
            "pruned_rows": self.pruned_rows,
            "heads": self.heads,
            "pruned": [month.as_json() for month in self.pruned],
            "problems": [problem.as_json() for problem in self.problems],
        }


def verify_audit_log(store: Store, heads: Iterable[Head] = ()) -> Verification:
    """Compare every seal with the rows, with the seal before, and with heads kept elsewhere.

    The database does it, some thousand rows at a time; no row is loaded here.

    Raises
    ------
    RefitError
    """
    seals = rows = pruned_rows = 0
    pruned: list[PrunedMonth] = []
    problems: list[Problem] = []
    after: int | None = 0
    while after is not None:
        part = store.verify_audit_seals(after)
        seals, rows = seals + part["seals"], rows + part["rows"]
        pruned_rows += part["pruned_rows"]
        pruned += [PrunedMonth(**month) for month in part["pruned"]]
        problems += [_problem(found) for found in part["problems"]]
        after = part["last"]
    kept = list(heads)
    problems += _differing(store, kept)
    return Verification(
        seals=seals,
        rows=rows,
        pruned_rows=pruned_rows,
        heads=len(kept),
        pruned=tuple(pruned),
        problems=tuple(problems),
    )


def parse_heads(text: str) -> list[Head]:
    """Heads as ``refit audit head`` printed them: lines, or its JSON, any number after another.

    Raises
    ------
    InvalidRequest
        When something else is in it, or nothing.

    Examples
    --------
    >>> parse_heads(f"7 {'ab' * 32} 2026-11-24T09:00:00+00:00")[0].number
    7
    """
    found = _from_json(text) if text.lstrip().startswith("{") else _from_lines(text)
    heads = list(found)
    if not heads:
        raise InvalidRequest("There is no head in it.", hint="Keep what `refit audit head` prints.")
    return heads


def _from_lines(text: str) -> Iterator[Head]:
    for line in filter(None, (line.strip() for line in text.splitlines())):
        match = _LINE.fullmatch(line)
        if match is None:
            raise InvalidRequest(
                f"{line[:40]!r} is no head of the audit log.",
                hint="A line is NUMBER HASH, as `refit audit head` prints it.",
            )
        yield Head(number=int(match[1]), hash=match[2])


def _from_json(text: str) -> Iterator[Head]:
    decoder, rest = json.JSONDecoder(), text.strip()
    while rest:
        try:
            value, end = decoder.raw_decode(rest)
            yield Head(number=int(value["number"]), hash=str(value["hash"]))
        except (ValueError, KeyError, TypeError) as exc:
            raise InvalidRequest(
                f"{rest[:40]!r} is no head of the audit log.",
                hint="Keep what `refit audit head --json` prints.",
            ) from exc
        rest = rest[end:].lstrip()


def _differing(store: Store, heads: Iterable[Head]) -> Iterator[Problem]:
    for head in heads:
        seal = store.get_audit_seal(head.number)
        if seal is not None and seal["hash"] == head.hash:
            continue
        what = "is gone" if seal is None else "was another when its head was kept"
        yield Problem(
            kind="head_differs",
            message=f"Seal {head.number} {what}.",
            detail={"seal": head.number, "kept_hash": head.hash, "hash": seal and seal["hash"]},
        )


def _problem(found: Mapping[str, Any]) -> Problem:
    kind, detail = found["problem"], {k: v for k, v in found.items() if k != "problem"}
    first, last = found["seal"], found["last_seal"]
    if kind == "seal_missing":
        which = f"Seal {first} is" if first == last else f"Seals {first} to {last} are"
        message = f"{which} missing, made {_between(found)}."
    elif kind == "seal_changed":
        message = f"Seal {first} was changed; it covers rows of {_between(found)}."
    elif kind == "chain_broken":
        message = f"Seal {first} does not follow seal {first - 1}: one of them was replaced."
    else:
        what = {
            "rows_removed": "rows were removed",
            "rows_added": "rows were added",
            "rows_changed": "rows were changed",
        }[kind]
        message = (
            f"In the range of seal {first} {what}, month {found['month']}: sealed were "
            f"{found['sealed_rows']}, there are {found['found_rows']}; transactions "
            f"{found['from_transaction']} to {found['to_transaction']}, {_between(found)}."
        )
    return Problem(kind=kind, message=message, detail=detail)


def _between(found: Mapping[str, Any]) -> str:
    return f"{found['first_at'] or 'the beginning'} to {found['last_at']}"
