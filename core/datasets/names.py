"""Safe SQL names from the headings of a file."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from core.datasets.identifiers import NAME_BYTES

# Every table has these already.
_SYSTEM_COLUMNS = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})


def safe_names(
    headings: Iterable[str], *, reserved: Iterable[str], taken: Iterable[str] = ()
) -> list[str]:
    """One name for each heading, usable in SQL without quotes, all different.

    Lower case; letters (of any alphabet), digits and ``_`` stay, every run of anything else
    becomes one ``_``; a leading digit gets ``c_`` in front; an empty heading becomes
    ``column_N``; SQL's reserved words get ``_`` behind; at most 63 bytes; a name that is there
    already gets ``_2``, ``_3`` and so on.

    Parameters
    ----------
    headings
        As they stand in the file.
    reserved
        SQL's reserved words.
    taken
        Names that are used already.

    >>> safe_names(["Price (EUR)", "price_eur", "order", ""], reserved=["order"])
    ['price_eur', 'price_eur_2', 'order_', 'column_4']
    """
    reserved = _SYSTEM_COLUMNS.union(reserved)
    used = set(taken)
    names = []
    for position, heading in enumerate(headings, start=1):
        base = safe_name(heading, fallback=f"column_{position}", reserved=reserved)
        name, number = base, 1
        while name in used:
            number += 1
            suffix = f"_{number}"
            name = _cut(base, NAME_BYTES - len(suffix)) + suffix
        used.add(name)
        names.append(name)
    return names


def safe_name(heading: str, *, fallback: str, reserved: Iterable[str]) -> str:
    """The name for one heading; the rule is that of :func:`safe_names`."""
    text = unicodedata.normalize("NFKC", heading).lower()
    name = re.sub(r"[\W_]+", "_", text).strip("_") or fallback
    if not (name[0].isalpha() or name[0] == "_"):
        name = f"c_{name}"
    name = _cut(name, NAME_BYTES)
    return _cut(name, NAME_BYTES - 1) + "_" if name in reserved else name


def _cut(name: str, limit: int) -> str:
    """At most ``limit`` bytes of UTF-8, never half a character."""
    return name.encode()[:limit].decode(errors="ignore")
