"""An error as the outcome of a piece of work."""

from __future__ import annotations

from typing import Any

from core.errors import RefitError
from core.worker.plain_json import plain_json


def error_json(error: RefitError) -> dict[str, Any]:
    """An error as it is written with a job or an operation."""
    # The text may quote whatever a library said.
    return {"type": error.problem, "status": error.status, "detail": plain_json(str(error))}


def as_own_error(exc: Exception) -> RefitError:
    """An error of ours as it is; one that nobody foresaw by its class and message."""
    if isinstance(exc, RefitError):
        return exc
    return RefitError(
        f"The worker failed: {type(exc).__name__}: {exc}", hint="The worker's log says where."
    )


def failure(error: RefitError) -> dict[str, Any]:
    """The outcome of work that failed; what may pass by itself is tried again."""
    return {"status": "failed", "retry": error.transient, "error": error_json(error)}
