"""In whose name a SQL function is called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.database.protocol import Database
from core.domain import Actor

Json = dict[str, Any]


class Caller:
    """Calls SQL functions for one machine key, part of Refit, or signed-in user.

    Parameters
    ----------
    database : Database
        Where the functions are.
    actor : Actor, optional
        In whose name the service role acts.
    claims : mapping, optional
        Claims of a signed-in user; then row level security decides and ``actor`` is not given.
    """

    def __init__(
        self,
        database: Database,
        *,
        actor: Actor | None = None,
        claims: Mapping[str, Any] | None = None,
    ) -> None:
        self._database = database
        self._actor = actor
        self._claims = claims

    def _ask(self, function: str, **arguments: Any) -> Any:
        """Call a request or a read: these know their caller."""
        if self._actor is not None:
            arguments["p_actor"] = self._actor.as_json()
        return self._database.call(function, arguments, claims=self._claims)

    def _work(self, function: str, **arguments: Any) -> Any:
        """Call the machinery: the service role's alone."""
        return self._database.call(function, arguments)
