"""What the shapes share."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core.domain import Role

Json = dict[str, Any]


class Shape(BaseModel):
    """An object with these fields and no others."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class OpenShape(BaseModel):
    """An object with these fields; an engine or a later version may add others."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())


Item = TypeVar("Item", bound=BaseModel)


class Page(Shape, Generic[Item]):
    """One page of a list."""

    # A page of something has no docstring of its own.
    model_config = ConfigDict(json_schema_extra={"description": "One page of a list."})

    items: list[Item]
    next_cursor: str | None = Field(description="Gives the next page; null on the last one.")


class ActorShape(OpenShape):
    """Who asked."""

    kind: Literal["user", "key", "system", "unknown"]
    id: str | None
    name: str | None
    role: Role | None


class FieldError(Shape):
    """What is wrong with one field."""

    field: str
    detail: str


class Problem(Shape):
    """An error, after RFC 9457."""

    type: str = Field(pattern="^urn:refit:problem:", description="What a program goes by.")
    title: str
    status: int = Field(ge=400, le=599)
    detail: str = Field(description="What is wrong, and how to mend it.")
    errors: list[FieldError] = Field(default_factory=list)
    operation_id: UUID | None = None
