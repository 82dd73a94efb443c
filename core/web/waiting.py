"""Answering a request whose work a worker does: with its result when that comes in time."""

from __future__ import annotations

import time
from uuid import UUID

from core.domain import JobStatus
from core.errors import DatabaseUnavailable
from core.store import Json, Store
from core.web.answer import Answer
from core.web.call import Call
from core.web.parsing import Parameters
from core.web.problems import operation_problem
from core.web.reasons import operation_with_reasons

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 0.5
_GROWTH = 1.5


def answer_operation(
    call: Call[Parameters], actor: str, operation_id: UUID, wait_seconds: float
) -> Answer:
    """Ring for an operation that the database holds, and wait for it.

    Parameters
    ----------
    call : Call
        The request that asked for it.
    actor : str
        The worker actor that carries it out.
    operation_id : UUID
        The operation.
    wait_seconds : float
        How long to wait, at most.

    Returns
    -------
    Answer
        200 with the result, the problem that its worker met, or 202 when it is not done in time
        or too many requests wait already.
    """
    call.services.doorbell.ring(actor, operation_id)
    operation = None
    if wait_seconds > 0:
        with call.services.waiting.take() as may_wait:
            if may_wait:
                operation = _wait(call.store, operation_id, wait_seconds)
    if operation is None:
        return Answer(status=202, body={"operation_id": str(operation_id)})
    if operation["status"] != JobStatus.SUCCEEDED:
        return operation_problem(operation)
    answered = operation_with_reasons(operation)
    return Answer(body={"operation_id": str(operation_id), **answered["result"]})


def _wait(store: Store, operation_id: UUID, wait_seconds: float) -> Json | None:
    """The operation once it has ended; None when the time is up. Holds no connection between."""
    deadline = time.monotonic() + wait_seconds
    pause = _FIRST_PAUSE_S
    while (remaining := deadline - time.monotonic()) > 0:
        time.sleep(min(pause, remaining))
        pause = min(pause * _GROWTH, _LONGEST_PAUSE_S)
        try:
            operation = store.get_operation(operation_id)
        except DatabaseUnavailable:
            # The operation is queued for good: that is what the caller has to know.
            return None
        if JobStatus(operation["status"]).is_final:
            return operation
    return None
