"""Asking the HTTP functions, as any program would."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from core.cli.curl_commands import PATH
from core.domain import JobStatus
from core.errors import RefitError

Json = dict[str, Any]

_WAIT_SECONDS = 25
_TIMEOUT_S = 60.0
_PATIENCE_S = 60.0  # functions that died are started again meanwhile
_POLL_S = (0.05, 0.25)  # first and longest pause


class Client:
    """The actions that a walk needs.

    Parameters
    ----------
    port : int
        Of the functions, on this machine.
    key : str
        An admin's machine key: only an admin may judge as of another time.
    log : Path
        Of the functions, named when they do not answer.
    """

    def __init__(self, port: int, key: str, *, log: Path) -> None:
        self._port = port
        self._key = key
        self._log = log

    def check(
        self, model_types: Sequence[str], *, as_of: datetime, time_window: int
    ) -> dict[str, Json]:
        """Have champions measured; the results by model type.

        Raises
        ------
        RefitError
            A check failed; the message is its worker's.
        """
        status, answer = self._ask(
            "POST",
            "check_performance",
            {
                "model_types": list(model_types),
                "as_of": as_of.isoformat(),
                "time_window": time_window,
                "wait_seconds": _WAIT_SECONDS,
            },
        )
        if status == http.client.ACCEPTED:
            answer = self._ended("operation", answer["operation_id"], "The check")["result"]
        for error in answer["errors"]:
            raise RefitError(f"The check of {error['model_type']} failed: {error['detail']}")
        return {result["model_type"]: result for result in answer["results"]}

    def retrain(
        self,
        model_types: Sequence[str],
        *,
        as_of: datetime,
        reason: str,
        show: Callable[[Json], None],
    ) -> dict[str, Json]:
        """Have challengers trained, validated and perhaps deployed; the ended jobs by model type.

        Raises
        ------
        RefitError
            A job failed; the message is its worker's.
        """
        _, answer = self._ask(
            "POST",
            "trigger_retraining",
            {
                "model_types": list(model_types),
                "as_of": as_of.isoformat(),
                # The job decides for itself: a standing alarm waits for labels that are new.
                "force": False,
                "reason": reason,
            },
        )
        return {
            job["model_type"]: self._ended(
                "job", job["id"], f"The training of {job['model_type']}", show
            )
            for job in answer["jobs"]
        }

    def wait_until_ready(self) -> None:
        """Wait until functions, database and queue answer."""
        self._ask("GET", "health")

    def _ended(
        self, action: str, work_id: str, what: str, show: Callable[[Json], None] | None = None
    ) -> Json:
        """The job or operation, once it has succeeded or was not needed."""
        pause, longest = _POLL_S
        while True:
            _, work = self._ask("GET", action, id=work_id)
            if JobStatus(work["status"]).is_final:
                break
            if show is not None:
                show(work)
            time.sleep(pause)
            pause = min(1.5 * pause, longest)
        if work["status"] not in {JobStatus.SUCCEEDED, JobStatus.SKIPPED}:
            detail = (work["error"] or {}).get("detail") or f"it was {work['status']}."
            raise RefitError(f"{what} failed: {detail}")
        return work

    def _ask(
        self, method: str, action: str, body: Json | None = None, **query: str
    ) -> tuple[int, Json]:
        """Status and body of an answer; a server that is away is waited for."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                status, answer = self._ask_once(method, action, body, query)
            except (OSError, http.client.HTTPException) as exc:
                reason = f"{type(exc).__name__}: {exc}"
            else:
                if status < http.client.BAD_REQUEST:
                    return status, answer
                reason = str(answer.get("detail") or answer)
                if status != http.client.SERVICE_UNAVAILABLE:
                    raise RefitError(reason)
            if time.monotonic() > deadline:
                raise RefitError(
                    f"The functions on port {self._port} do not answer: {reason}",
                    hint=f"Their log: {self._log}",
                )
            time.sleep(0.2)

    def _ask_once(
        self, method: str, action: str, body: Json | None, query: dict[str, str]
    ) -> tuple[int, Json]:
        # Not urllib: a proxy of the environment is not for this machine.
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_S)
        try:
            connection.request(
                method,
                f"{PATH}?{urlencode({'action': action, **query})}",
                body=None if body is None else json.dumps(body),
                headers={"X-API-Key": self._key, "Content-Type": "application/json"},
            )
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()
