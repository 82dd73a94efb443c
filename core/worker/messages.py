"""What a child tells its parent while it works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a training is: the stage that begins, the share done in [0, 1], and a log line."""

    stage: str
    progress: float
    line: str | None = None


@dataclass(frozen=True, kw_only=True)
class ArtifactMismatch:
    """A champion that no longer predicts what it did when it was stored."""

    deployment_id: UUID
    detail: str


@dataclass(frozen=True, kw_only=True)
class TrainingBegins:
    """The check is over and the rows are fit: a model is about to be trained, if it may be.

    ``outcome`` holds what was found out until here, for the case that it may not, or that it is
    broken off.
    """

    outcome: dict[str, Any]


Message = Progress | ArtifactMismatch | TrainingBegins
Send = Callable[[Message], None]
