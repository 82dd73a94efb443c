"""What the rest of Refit may ask of a database, and how its errors are named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from core import errors
from core.domain import User


class Database(Protocol):
    """Calls SQL functions; there is no other way to the tables."""

    def call(
        self,
        function: str,
        arguments: Mapping[str, Any],
        *,
        user: User | None = None,
    ) -> Any:
        """Call ``public.<function>`` in one transaction and return its JSON value.

        Parameters
        ----------
        function : str
            Name of the SQL function, without schema.
        arguments : mapping
            By parameter name. Dicts travel as jsonb; lists of UUID as uuid[], of str as text[].
        user : User, optional
            A signed-in user: row level security and the role in ``app_metadata`` decide. Without
            one the call is the service role's.

        Raises
        ------
        RefitError
            The named error that the function raised, or DatabaseUnavailable.
        """
        ...

    def close(self) -> None:
        """Give back every connection."""
        ...


_BY_NAME: dict[str, type[errors.RefitError]] = {
    cls.problem: cls
    for cls in (
        errors.InvalidRequest,
        errors.UnknownModelType,
        errors.IdempotencyKeyReused,
        errors.Unauthenticated,
        errors.SignInLinkNotValid,
        errors.Forbidden,
        errors.NotFound,
        errors.Conflict,
        errors.IllegalTransition,
        errors.StaleValidation,
        errors.NotApproved,
        errors.Quarantined,
        errors.LeaseLost,
    )
}
_BY_STATUS: dict[int, type[errors.RefitError]] = {
    401: errors.Unauthenticated,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    422: errors.InvalidRequest,
}


def named_error(
    sqlstate: str, message: str, name: str | None, hint: str | None
) -> errors.RefitError | None:
    """The class of an error that a SQL function raised by name (SQLSTATE ``PTnnn``), or None.

    >>> named_error("PT409", "Compared with another champion.", "stale_validation", None)
    StaleValidation('Compared with another champion.')
    """
    if not sqlstate.startswith("PT"):
        return None
    cls = _BY_NAME.get(name or "") or _BY_STATUS.get(int(sqlstate[2:]), errors.RefitError)
    return cls(message, hint=hint or None)
