"""Calling the SQL functions through the Data API of a Supabase project (supabase-py)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

from core.database.data_api_errors import api_error
from core.database.sqlstates import unsendable_text
from core.domain import User
from core.errors import ConfigurationError, DatabaseUnavailable, InvalidRequest

if TYPE_CHECKING:
    import httpx

_CONNECT_TIMEOUT_S = 3.0
# Supabase gives up a statement after 8 seconds and says so.
_ANSWER_TIMEOUT_S = 9.0


class SupabaseDatabase:
    """SQL functions over HTTPS: a user's under their own token, Refit's under the secret key.

    Every call has a client of its own, so that no thread meets another's token; what they share
    are the connections.

    Parameters
    ----------
    url : str
        Address of the project.
    secret_key : str
        For what the service role may do: the machinery, and machine keys by ``p_actor``.
    publishable_key : str, optional
        Goes with the users' tokens; without one no user is served.

    Raises
    ------
    ConfigurationError
        When this is no address, or a key that no header can carry.
    """

    def __init__(self, url: str, *, secret_key: str, publishable_key: str | None = None) -> None:
        self._url = _require_address(url)
        self._secret_key = _require_key(secret_key, "SUPABASE_SECRET_KEY")
        self._publishable_key = publishable_key and _require_key(
            publishable_key, "SUPABASE_PUBLISHABLE_KEY"
        )
        self._http: httpx.Client | None = None
        self._lock = Lock()

    def call(
        self,
        function: str,
        arguments: Mapping[str, Any],
        *,
        user: User | None = None,
    ) -> Any:
        """Call ``public.<function>``; see :class:`core.database.protocol.Database`."""
        import httpx

        from supabase import ClientOptions, PostgrestAPIError, create_client

        options = ClientOptions(
            httpx_client=self._connections(),
            persist_session=False,
            auto_refresh_token=False,
            postgrest_client_retry=False,
        )
        key = self._secret_key
        if user is not None:
            key = self._require_publishable_key()
            options.headers["Authorization"] = f"Bearer {user.token}"
        values = {name: _as_json(value) for name, value in arguments.items()}
        try:
            client = create_client(self._url, key, options=options)
            return client.rpc(function, values).execute().data
        except PostgrestAPIError as exc:
            raise api_error(exc, is_user=user is not None) from exc
        except UnicodeEncodeError as exc:
            raise unsendable_text() from exc
        except httpx.HTTPError as exc:
            raise DatabaseUnavailable(
                "The Supabase project does not answer.", hint="Try again; check SUPABASE_URL."
            ) from exc

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        with self._lock:
            if self._http is not None:
                self._http.close()
                self._http = None

    def _connections(self) -> httpx.Client:
        from core.database.bounded_http import bounded_client

        with self._lock:
            if self._http is None:
                self._http = bounded_client(
                    connect_s=_CONNECT_TIMEOUT_S, answer_s=_ANSWER_TIMEOUT_S
                )
            return self._http

    def _require_publishable_key(self) -> str:
        if self._publishable_key is None:
            raise ConfigurationError(
                "SUPABASE_PUBLISHABLE_KEY is not set, so signed-in users cannot be served.",
                hint="It stands under Project Settings, API Keys.",
            )
        return self._publishable_key


def _require_address(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in {"https", "http"} and bool(parts.hostname)
        _ = parts.port  # what is no port is refused when it is read
    except ValueError:
        is_address = False
    if not is_address:
        raise ConfigurationError(
            "SUPABASE_URL is no address of a Supabase project.",
            hint="It looks like https://PROJECT.supabase.co.",
        )
    return url.rstrip("/")


def _require_key(key: str, variable: str) -> str:
    # The errors of an HTTP client quote a header that cannot be sent.
    if not key.isascii() or not key.isprintable() or " " in key or not key:
        raise ConfigurationError(
            f"{variable} has characters that no key has.",
            hint="Copy it once more, without spaces and line ends.",
        )
    return key


def _as_json(value: Any) -> Any:
    """A value as the Data API takes it: jsonb and arrays are JSON, all else its text."""
    if isinstance(value, Mapping):
        return {str(name): _as_json(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_json(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (str, UUID)):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidRequest(f"A value is not valid: {value} is no number in JSON.")
    return value
