"""Kinds of fields that several actions take, and the queries that they share."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints

from core.domain import Environment
from core.web import patterns
from core.web.parsing import Parameters

Json = dict[str, Any]

Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=patterns.TEXT)]
Word = Annotated[str, StringConstraints(max_length=200, pattern=patterns.MORE_THAN_BLANKS)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=patterns.TEXT)]
NeededReason = Annotated[str, StringConstraints(max_length=1000, pattern=patterns.MORE_THAN_BLANKS)]
WebAddress = Annotated[
    str,
    StringConstraints(max_length=2000, pattern=patterns.WEB_ADDRESS),
    Field(description="Called when a job has ended; a secret, never shown again."),
]
Names = Annotated[list[Text], Field(min_length=1, max_length=1000)]
Ids = Annotated[list[UUID], Field(min_length=1, max_length=1000)]
WaitSeconds = Annotated[
    float, Field(ge=0, le=25, description="How long to wait for the result; 0: not at all.")
]
Limit = Annotated[int, Field(ge=1, le=200)]
Cursor = Annotated[
    str,
    StringConstraints(max_length=200, pattern=patterns.CURSOR),
    Field(description="The next_cursor of the page before."),
]
Cron = Annotated[
    str,
    StringConstraints(max_length=100, pattern=patterns.CRON),
    Field(description="Minute, hour, day of month, month, day of week: 0 */4 * * *."),
]

_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _read_time(given: object) -> datetime:
    try:
        if isinstance(given, str) and _TIME.fullmatch(given):
            # PostgreSQL takes no offset of 16 hours or more; the moment is the same in UTC.
            return datetime.fromisoformat(given.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # the 30th of February; or the first hour of the year 1, east of Greenwich
    raise ValueError("It must be a time with its zone, such as 2026-03-01T12:00:00Z")


def _require_storable(given: Json) -> Json:
    """Refuse what JSON lets through and PostgreSQL's does not hold."""
    left: list[Any] = [given]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            left += [*value, *value.values()]
        elif isinstance(value, list):
            left += value
        elif isinstance(value, str) and "\0" in value:
            raise ValueError("A text in it has the character zero")
        elif isinstance(value, float) and not math.isfinite(value):
            raise ValueError("A number in it is not finite")
    return given


def _whole(given: object) -> object:
    return int(given) if isinstance(given, float) and given.is_integer() else given


# As JSON Schema's date-time: neither a number of seconds nor a time without a zone.
Time = Annotated[
    AwareDatetime,
    BeforeValidator(_read_time),
    Field(description="Judge as if it were this time: for model types with replay, by admins."),
]
# An object of whatever the sender likes.
Free = Annotated[Json, AfterValidator(_require_storable)]
# As JSON Schema's integer: 7.0 is one.
Whole = BeforeValidator(_whole)


# What JSON Schema can say of fields together; SQL says it to whoever asks.
# With items, also where the field itself says them: generators of clients stumble otherwise.
_A_LIST: Json = {"type": "array", "items": {}}
AS_OF_NEEDS_NAMES: Json = {
    "anyOf": [
        {"properties": {"as_of": {"type": "null"}}},
        {"properties": {"model_types": _A_LIST}, "required": ["model_types"]},
    ]
}
DEPLOYING_NEEDS_VALIDATING: Json = {
    "anyOf": [
        {"properties": {"auto_validate": {"const": True}}},
        {"properties": {"auto_deploy": {"const": False}}, "required": ["auto_deploy"]},
    ]
}


def rules(*schemas: Json) -> Json:
    """What a body's fields must also be, together.

    Below ``allOf``: beside ``properties``, generators of clients take such a schema for the body.
    """
    return {"allOf": list(schemas)}


RETRAINING_RULES = rules(AS_OF_NEEDS_NAMES, DEPLOYING_NEEDS_VALIDATING)


def exactly_one_of(*names: str) -> Json:
    """The schema of an object that has just one of these lists."""
    return {
        "oneOf": [
            {
                "required": [given],
                "properties": {
                    name: _A_LIST if name == given else {"type": "null"} for name in names
                },
            }
            for given in names
        ]
    }


def _nothing() -> None:
    """The value of a field that was left out."""


def left_out() -> Any:
    """The default of a field that is no null: left out, it is not among what was set."""
    return Field(default_factory=_nothing)


def is_left_out(parameters: Parameters, name: str) -> bool:
    """Whether a field whose default is :func:`left_out` was not given."""
    default = type(parameters).model_fields[name].default_factory
    return default is _nothing and name not in parameters.model_fields_set


class Identified(Parameters):
    """One thing, by its id."""

    id: UUID


class ListQuery(Parameters):
    """One page of a list, newest first."""

    model_type: Text | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class EnvironmentListQuery(ListQuery):
    """A list of what happened in one environment, or in all."""

    environment: Environment | None = None
