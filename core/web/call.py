"""An action as it is declared, and a request for it whose sender and fields are known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar

from flask import Request, Response

from core.domain import Environment, Role
from core.errors import Unauthenticated
from core.store import Json, Once, Store
from core.web.answer import Answer
from core.web.authentication import Caller
from core.web.parsing import Parameters
from core.web.services import Services

# Of this machine and of the database.
_CLOCKS_DIFFER_S = 30

P_co = TypeVar("P_co", bound=Parameters, covariant=True)


@dataclass(frozen=True, kw_only=True)
class Form:
    """How an action is asked: what its page in the OpenAPI document is made from."""

    action: str
    method: str
    role: Role | None
    parameters: type[Parameters]
    summary: str


class Function(Protocol):
    """An HTTP function, as functions-framework calls it."""

    __name__: str
    form: Form

    def answer_call(self, call: Call[Any], /) -> Answer:
        """Do its work for a caller who is known, with fields that were checked."""
        ...

    def __call__(self, request: Request, /) -> Response:
        """Answer one request."""
        ...


@dataclass(frozen=True, kw_only=True)
class Call(Generic[P_co]):
    """A request that may be answered: its caller is known and its fields are checked."""

    parameters: P_co
    services: Services
    caller: Caller | None  # None where no credentials are asked for
    request_id: str
    once: Once | None = None

    @property
    def store(self) -> Store:
        """The SQL functions, in the caller's name."""
        if self.caller is None:
            # Without a caller the store would be Refit itself, who may do everything.
            raise Unauthenticated("This needs a caller.")
        return Store(
            self.services.database,
            actor=self.caller,
            request_id=self.request_id,
            once=self.once,
        )

    def environment(self, named: Environment | None) -> Environment:
        """The environment that is meant: the named one, else the configured one."""
        return named or Environment(self.services.settings.environment)

    def check_model_type(self, name: str | None) -> None:
        """Refuse a filter by a model type that does not exist: an empty list would hide it.

        Raises
        ------
        InvalidRequest
            It names the model types that exist.
        """
        if name is not None:
            self.store.get_model_type(name)

    def note_end(self, work: Json) -> None:
        """Have no earlier answer serve again where this shows that work has ended.

        What workers make does not go through the functions: whoever sees a job's or operation's
        end must see what it made, too.
        """
        ended = work.get("finished_at")
        if ended is None:
            return
        age = (datetime.now(UTC) - datetime.fromisoformat(ended)).total_seconds()
        if age < self.services.settings.cache_seconds + _CLOCKS_DIFFER_S:
            self.services.shared.begin_generation()
