"""What a SQLSTATE means to us, however it reached us."""

from __future__ import annotations

from core.database.protocol import named_error
from core.errors import DatabaseUnavailable, Forbidden, InvalidRequest, RefitError


def state_error(
    state: str, message: str | None, detail: str | None, hint: str | None
) -> RefitError | None:
    """The error that a statement ended with, or None when its state says nothing to us.

    Parameters
    ----------
    state : str
        SQLSTATE.
    message, detail, hint : str, optional
        As PostgreSQL gave them. Only of errors that SQL raised by name (``PTnnn``) are detail and
        hint meant for callers: others quote rows.

    Examples
    --------
    >>> state_error("40P01", "deadlock detected", None, None)
    DatabaseUnavailable('The database is too busy; nothing was changed.')
    >>> state_error("P0001", "It went wrong.", None, None) is None
    True
    """
    named = named_error(state, message or "The database refused.", detail, hint)
    if named is not None:
        return named
    # 08 connection, 53 resources, 57P shutdown.
    if state[:2] in {"08", "53"} or state[:3] == "57P":
        return DatabaseUnavailable("The database does not answer.")
    # 40 serialisation and deadlock, 55P lock not available, 57014 statement timeout.
    if state[:2] == "40" or state[:3] == "55P" or state == "57014":
        return DatabaseUnavailable(
            "The database is too busy; nothing was changed.", hint="Try again."
        )
    if state == "42501":
        return Forbidden(f"The database refused: {message}.")
    if state in {"42883", "42P01", "3F000", "42704"}:
        return RefitError(
            f"The database lacks something: {message}.", hint="Apply the migrations: refit migrate."
        )
    # 22: a value that is no uuid, enum member or time; 23: one that a constraint refuses.
    if state[:2] in {"22", "23"}:
        return InvalidRequest(message or "A value is not valid.")
    return None


def unsendable_text() -> InvalidRequest:
    """The error of a text that no database can hold: JSON lets half of a character through."""
    return InvalidRequest("A text has half of a character.", hint="Escape both of its halves.")
