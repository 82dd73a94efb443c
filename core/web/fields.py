"""Kinds of fields that several actions take, and the queries that they share."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from core.domain import Environment
from core.web.parsing import Parameters

# PostgreSQL's text cannot hold the character zero.
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00]*$")]
WebAddress = Annotated[
    str, StringConstraints(max_length=2000, pattern=r"^(?i:https?)://[^\s\x00]+$")
]
Names = Annotated[list[Text], Field(min_length=1, max_length=1000)]
Ids = Annotated[list[UUID], Field(min_length=1, max_length=1000)]
WaitSeconds = Annotated[float, Field(ge=0, le=25)]
Limit = Annotated[int, Field(ge=1, le=200)]


class Identified(Parameters):
    """One thing, by its id."""

    id: UUID


class ListQuery(Parameters):
    """One page of a list, newest first."""

    model_type: Text | None = None
    limit: Limit = 50
    cursor: Text | None = None


class EnvironmentListQuery(ListQuery):
    """A list of what happened in one environment, or in all."""

    environment: Environment | None = None
