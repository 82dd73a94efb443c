"""In whose name a SQL function is called."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core.database.protocol import Database
from core.domain import Actor, User

Json = dict[str, Any]


@dataclass(kw_only=True)
class Once:
    """A request that is carried out once, however often it is sent within a day.

    Parameters
    ----------
    action : str
        What was asked for; the same key may serve another action too.
    key : str
        The sender's own name for the request: 1 to 255 printable ASCII characters.
    body_hash : str
        SHA-256 (hex) of what was said: under the same key it must be the same.
    replayed : bool
        Set when the request is made: whether it was carried out before and this is that answer.
    """

    action: str
    key: str
    body_hash: str
    replayed: bool = False


class Caller:
    """Calls SQL functions for one machine key, part of Refit, or signed-in user.

    Parameters
    ----------
    database : Database
        Where the functions are.
    actor : Actor or User, optional
        In whose name: the service role acts for an actor; for a user row level security decides.
        Without one it is Refit itself, who may do everything.
    request_id : str, optional
        What the audit rows of its requests are to name.
    once : Once, optional
        The one request that is to be made, if it was not made before.
    """

    def __init__(
        self,
        database: Database,
        *,
        actor: Actor | User | None = None,
        request_id: str | None = None,
        once: Once | None = None,
    ) -> None:
        self._database = database
        self._actor = actor
        self._request_id = request_id
        self._once = once

    def _ask(self, function: str, **arguments: Any) -> Any:
        """Call a read, or a request that no HTTP action makes: these know their caller."""
        return self._call(function, arguments, self._speaker())

    def _request(self, function: str, **arguments: Any) -> Any:
        """Call a request that an HTTP action makes, under its id, and once where that is asked.

        Raises
        ------
        IdempotencyKeyReused
            When its key was sent with another body before.
        """
        speaker = self._speaker()
        if self._request_id is not None and self._actor is not None:
            speaker = {**(speaker or {}), "request_id": self._request_id}
        if self._once is None:
            return self._call(function, arguments, speaker)
        answer = self._call(
            "run_once",
            {
                "p_action": self._once.action,
                "p_key": self._once.key,
                "p_body_hash": self._once.body_hash,
                "p_function": function,
                "p_arguments": {name: _plain(value) for name, value in arguments.items()},
            },
            speaker,
        )
        self._once.replayed = answer["replayed"]
        return answer["answer"]

    def _work(self, function: str, **arguments: Any) -> Any:
        """Call the machinery: the service role's alone."""
        return self._database.call(function, arguments)

    def _speaker(self) -> Json | None:
        return self._actor.as_json() if isinstance(self._actor, Actor) else None

    def _call(self, function: str, arguments: Json, speaker: Json | None) -> Any:
        if speaker is not None:
            arguments["p_actor"] = speaker
        user = self._actor if isinstance(self._actor, User) else None
        return self._database.call(function, arguments, user=user)


def _plain(value: Any) -> Any:
    """What JSON can say; the catalogue's types turn it back."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
