"""In whose name a SQL function is called."""

from __future__ import annotations

from typing import Any

from core.database.protocol import Database
from core.domain import Actor, User

Json = dict[str, Any]


class Caller:
    """Calls SQL functions for one machine key, part of Refit, or signed-in user.

    Parameters
    ----------
    database : Database
        Where the functions are.
    actor : Actor or User, optional
        In whose name: the service role acts for an actor; for a user row level security decides.
        Without one it is Refit itself, who may do everything.
    """

    def __init__(self, database: Database, *, actor: Actor | User | None = None) -> None:
        self._database = database
        self._actor = actor

    def _ask(self, function: str, **arguments: Any) -> Any:
        """Call a request or a read: these know their caller."""
        if isinstance(self._actor, User):
            return self._database.call(function, arguments, user=self._actor)
        if self._actor is not None:
            arguments["p_actor"] = self._actor.as_json()
        return self._database.call(function, arguments)

    def _work(self, function: str, **arguments: Any) -> Any:
        """Call the machinery: the service role's alone."""
        return self._database.call(function, arguments)
