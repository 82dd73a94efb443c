"""What the Data API's errors mean to us."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.database.sqlstates import state_error
from core.errors import ConfigurationError, DatabaseUnavailable, InvalidToken, RefitError

if TYPE_CHECKING:
    from supabase import PostgrestAPIError

# PostgREST's groups: it has no connection, no schema cache yet, or had to wait too long.
_AWAY = {"PGRST000", "PGRST001", "PGRST002", "PGRST003"}
# An unknown function, or none of that name with these parameters; a schema that is not shown.
_LACKING = {"PGRST106", "PGRST202", "PGRST203"}
# A token that cannot be read, is not let in, or whose claims do not fit.
_TOKEN = {"PGRST301", "PGRST302", "PGRST303"}


def api_error(exc: PostgrestAPIError, *, is_user: bool) -> RefitError:
    """The error of ours that an error of the Data API stands for.

    Parameters
    ----------
    exc : supabase.PostgrestAPIError
        Its ``code`` is a SQLSTATE, one of PostgREST's own, or the HTTP status of an answer that
        is no JSON; what stands in front of PostgREST gives none.
    is_user : bool
        Whether the call was under a user's token, and not under the secret key.
    """
    code, message = exc.code or "", (exc.message or "no reason given").rstrip(".")
    if code in _TOKEN:
        return _credentials_error(message, is_user=is_user)
    is_status = len(code) == 3  # a SQLSTATE has five characters
    if code in _AWAY or (is_status and (code[0] == "5" or code == "429")):
        return DatabaseUnavailable("The database does not answer.")
    if code in _LACKING:
        return RefitError(
            f"The Data API lacks something: {message}.",
            hint="Apply the migrations (refit migrate, or supabase db push); if they are applied: "
            "notify pgrst, 'reload schema'.",
        )
    known = None if is_status else state_error(code, exc.message, exc.details, exc.hint)
    if known is not None:
        return known
    # The gateway's words; which key it means it does not say.
    if not code and "api key" in message.lower():
        return ConfigurationError(
            f"Supabase refused the key: {message}.",
            hint="Correct SUPABASE_SECRET_KEY and SUPABASE_PUBLISHABLE_KEY.",
        )
    return RefitError(f"The Data API refused: {message}.")


def _credentials_error(message: str, *, is_user: bool) -> RefitError:
    if is_user:
        return InvalidToken(f"Supabase refused the token: {message}.", hint="Sign in again.")
    return ConfigurationError(
        f"Supabase refused the key: {message}.", hint="Correct SUPABASE_SECRET_KEY."
    )
