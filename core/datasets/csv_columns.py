"""What Arrow's types of a CSV file's columns miss: codes, marks of thousands, dates of a country.

Where a column is not clear as a whole its text stays as it is, with a note that says why: a number
or a date that is read wrongly is worse than one that is not read.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

# Digits that are a name rather than an amount: postal codes, telephone numbers, long references.
_CODE = r"^\s*(0[0-9]+|[0-9]{19,})\s*$"
_WITH_POINT = r"^[+-]?(0|[1-9][0-9]{0,2}(,[0-9]{3})+|[1-9][0-9]*)(\.[0-9]+)?$"  # 1,234.50
_WITH_COMMA = r"^[+-]?(0|[1-9][0-9]{0,2}(\.[0-9]{3})+|[1-9][0-9]*)(,[0-9]+)?$"  # 1.234,50
_DATE = (
    r"^(?P<first>[0-9]{1,2})[./-](?P<second>[0-9]{1,2})[./-](?P<year>[0-9]{4})"
    r"(?:[ T]+(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<sec>[0-9]{2}))?)?$"
)
_SAMPLE = 1000


@dataclass(frozen=True, kw_only=True)
class ColumnFound:
    """One column as it should be stored."""

    values: pa.ChunkedArray
    note: str | None = None  # why it is not what a person may expect; without the column's name


def better_column(guess: pa.ChunkedArray, text: pa.ChunkedArray, *, decimal: str) -> ColumnFound:
    """The column with the type that its text really has.

    Parameters
    ----------
    guess
        As Arrow reads it.
    text
        The same cells as text.
    decimal
        The file's decimal mark, ``.`` or ``,``: it decides where 1.234 could be both.
    """
    if pa.types.is_integer(guess.type) or pa.types.is_floating(guess.type):
        if _any(pc.match_substring_regex(text, _CODE)):
            return ColumnFound(
                values=text, note="has leading zeros or very long numbers: kept as text"
            )
        return ColumnFound(values=guess)
    if not pa.types.is_string(guess.type):
        return ColumnFound(values=guess)
    trimmed = pc.utf8_trim_whitespace(text)
    sample = trimmed.slice(0, 10 * _SAMPLE).drop_null().slice(0, _SAMPLE)
    if _share(sample, _DATE) >= 0.5:
        return _dates(trimmed, guess)
    if _share(sample, f"{_WITH_POINT}|{_WITH_COMMA}") >= 0.5:
        return _numbers(trimmed, guess, decimal)
    return ColumnFound(values=guess)


def _numbers(text: pa.ChunkedArray, guess: pa.ChunkedArray, decimal: str) -> ColumnFound:
    point, comma = (_all(pc.match_substring_regex(text, p)) for p in (_WITH_POINT, _WITH_COMMA))
    if not (point or comma):
        odd = _first(
            text, pc.invert(pc.match_substring_regex(text, f"{_WITH_POINT}|{_WITH_COMMA}"))
        )
        if odd is not None and not _any(pc.match_substring_regex(text, r"[0-9][.,][0-9]")):
            return ColumnFound(values=guess)  # codes such as 17, 18a: nobody takes them for amounts
        why = f"{odd!r} is no number" if odd is not None else "it mixes 1,234.50 with 1.234,50"
        return ColumnFound(values=guess, note=f"looks like numbers and is kept as text: {why}")
    if point and comma and decimal == ".":
        example = _first(text, pc.match_substring_regex(text, "[.,]"))
        return ColumnFound(
            values=guess,
            note=f"is kept as text: {example} may be in the thousands or a fraction; write "
            "numbers without marks of thousands",
        )
    marks, fraction = (",", ".") if point and not comma else (".", ",")
    plain = pc.replace_substring(pc.replace_substring(text, marks, ""), fraction, ".")
    plain = pc.utf8_ltrim(plain, "+")
    whole = not _any(pc.match_substring(plain, "."))
    try:
        return ColumnFound(values=plain.cast(pa.int64() if whole else pa.float64()))
    except pa.ArrowInvalid:
        return ColumnFound(values=guess, note="has very long numbers: kept as text")


def _dates(text: pa.ChunkedArray, guess: pa.ChunkedArray) -> ColumnFound:
    parts = pc.extract_regex(text, _DATE)
    if parts.null_count > text.null_count:
        odd = _first(text, pc.is_null(parts))
        return _text_for_dates(guess, f"{odd!r} is not written like the others")
    first, second, year, hour, minute, sec = (
        pc.struct_field(parts, name)
        for name in ("first", "second", "year", "hour", "minute", "sec")
    )
    day_first = pc.max(first.cast(pa.int8())).as_py() > 12
    month_first = pc.max(second.cast(pa.int8())).as_py() > 12
    if day_first and month_first:
        return _text_for_dates(guess, "some begin with the day and some with the month")
    if not day_first and not month_first:
        return _text_for_dates(guess, "each may begin with the day or with the month")
    day, month = (first, second) if day_first else (second, first)
    iso = pc.binary_join_element_wise(year, _padded(month), _padded(day), "-")
    kind: pa.DataType = pa.date32()
    if _any(pc.not_equal(hour, "")):
        clock = [_padded(part) for part in (hour, minute, sec)]
        iso = pc.binary_join_element_wise(iso, pc.binary_join_element_wise(*clock, ":"), " ")
        kind = pa.timestamp("s")
    try:
        return ColumnFound(values=iso.cast(kind))
    except pa.ArrowInvalid:
        return _text_for_dates(guess, "one of them does not exist")


def _text_for_dates(guess: pa.ChunkedArray, why: str) -> ColumnFound:
    return ColumnFound(
        values=guess,
        note=f"looks like dates and is kept as text: {why}; write dates like 2026-01-31",
    )


def _padded(part: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.utf8_lpad(part, 2, "0")


def _share(sample: pa.ChunkedArray, pattern: str) -> float:
    return pc.mean(pc.match_substring_regex(sample, pattern)).as_py() or 0.0


def _any(flags: pa.ChunkedArray) -> bool:
    return bool(pc.any(flags).as_py())


def _all(flags: pa.ChunkedArray) -> bool:
    return bool(pc.all(flags).as_py())


def _first(text: pa.ChunkedArray, flags: pa.ChunkedArray) -> str | None:
    """The first value whose flag is set."""
    found = text.filter(pc.and_(pc.is_valid(text), flags)).slice(0, 1).to_pylist()
    return found[0] if found else None
