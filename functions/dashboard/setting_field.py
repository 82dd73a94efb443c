"""A setting as a form has it: its label, unit and bounds, from text and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from functions.dashboard.visit import Visit

Json = dict[str, Any]
DAY_S = 86_400
HOUR_S = 3_600


@dataclass(frozen=True, kw_only=True)
class Field:
    """A setting as a form has it.

    ``scale`` is how many of the form's units make one of the API's: a threshold of 0.03 is written
    as 3. ``least`` and ``most`` are in the form's units.
    """

    name: str  # the API's field
    label: str
    hint: str = ""
    kind: str = "text"  # text, long, number, choice, check, lines, json
    unit: Callable[[float], str] = lambda _value: ""  # by its value: 1 day, 2 days
    scale: float = 1
    whole: bool = False
    least: float | None = None
    most: float | None = None
    may_be_empty: bool = False
    when_empty: str = ""  # what it means, beside the settings; "": no limit
    choices: tuple[tuple[str, str], ...] = ()
    for_engineers: bool = False


def word_form(value: float) -> int:
    """Which form a word has beside a number: languages count whole ones."""
    return 1 if value == 1 else 2


def unit_of(field: Field, given: str) -> str:
    """The unit beside what the form says; of several where that is no number."""
    try:
        return field.unit(float(given.replace(",", ".")))
    except ValueError:
        return field.unit(2)


def to_text(field: Field, value: Any) -> str:
    """The setting as the form writes it."""
    if value is None:
        return ""
    if field.kind == "check":
        return "on" if value else ""
    if field.kind == "number":
        return f"{value * field.scale:.10g}"
    if field.kind == "lines":
        return "\n".join(value)
    if field.kind == "json":
        return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=2)
    return str(value)


def clean_text(field: Field, value: str | None) -> str:
    """What the form says, without the line ends and spaces that browsers and people add."""
    lines = [line.strip() for line in (value or "").splitlines()]
    if field.kind == "lines":
        return "\n".join(line for line in lines if line)
    return (value or "").replace("\r\n", "\n").strip()


def _number(field: Field, given: str) -> float | int | None:
    if not given and field.may_be_empty:
        return None
    number = float(given.replace(",", "."))
    out_of_range = (field.least is not None and number < field.least) or (
        field.most is not None and number > field.most
    )
    if out_of_range or (field.whole and not number.is_integer()):
        raise ValueError(given)
    # A hundredth more or less would be another value: 3 % is 0.03.
    return int(number) if field.whole else round(number / field.scale, 10)


def _json(_field: Field, given: str) -> Json:
    value = json.loads(given or "{}")
    if not isinstance(value, dict):
        raise ValueError("no object")  # noqa: TRY004 — what is wrong is the text that was given
    return value


def _text(field: Field, given: str) -> str | None:
    return None if field.may_be_empty and not given else given


def _lines(field: Field, given: str) -> list[str]:
    return [] if field.may_be_empty and not given else given.split("\n")


_READ: dict[str, Callable[[Field, str], Any]] = {
    "text": _text,
    "long": lambda _field, given: given,
    "choice": lambda _field, given: given,
    "check": lambda _field, given: given == "on",
    "lines": _lines,
    "number": _number,
    "json": _json,
}


def from_text(field: Field, given: str) -> Any:
    """What the form says, as the API takes it.

    Raises
    ------
    ValueError
        Where it makes no sense; :func:`what_it_must_be` says why.
    """
    return _READ[field.kind](field, given)


def what_it_must_be(visit: Visit, field: Field) -> str:
    """What is wrong with a text that :func:`from_text` does not take."""
    _ = visit.gettext
    if field.kind == "json":
        example = '{"max_iter": 200}'
        return str(_("This must be a JSON object, such as {example}.").format(example=example))
    least, most = visit.format.number(field.least), visit.format.number(field.most)
    message = (
        _("This must be a whole number from {least} to {most}.")
        if field.whole
        else _("This must be a number from {least} to {most}.")
    )
    return str(message.format(least=least, most=most))
