"""The public keys that a Supabase project signs its users' tokens with."""

from __future__ import annotations

import time
from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING

import structlog

from core.errors import SigningKeysUnavailable

if TYPE_CHECKING:
    from jwt import PyJWK

ALGORITHMS = frozenset({"ES256", "RS256"})

_FRESH_S = 600.0
# How long known keys serve while the project does not answer.
_USABLE_S = 24 * 3600.0
# Whoever invents key ids makes us ask no more often than this.
_PAUSE_S = 30.0
_PAUSE_AFTER_FAILURE_S = 5.0
_ANSWER_S = 5.0
_log = structlog.get_logger(__name__)


class SigningKeys:
    """Keys by their id, fetched when a token names one, and kept for ten minutes.

    ``jwt.PyJWKClient`` fetches them. Its own cache is not used: while the project is away it asks
    again for every token, one token at a time.

    Parameters
    ----------
    auth_url : str
        Address of the project's auth server, which is also the issuer of its tokens.
    """

    def __init__(self, auth_url: str) -> None:
        self._url = f"{auth_url}/.well-known/jwks.json"
        self._fetching = Lock()
        self._keys: Mapping[str, PyJWK] = {}
        self._fetched_at: float | None = None
        self._next_fetch_at = 0.0

    def find(self, key_id: str) -> PyJWK | None:
        """The key with this id, or None when the project has none.

        Raises
        ------
        SigningKeysUnavailable
            When the project does not answer and no keys of the last day are known.
        """
        key = self._keys.get(key_id)
        if key is not None and self._age() < _FRESH_S:
            return key
        # Who has a key that still serves does not wait for another's fetch.
        usable = key is not None and self._age() < _USABLE_S
        if self._fetching.acquire(blocking=not usable):
            try:
                # Another may have fetched while we waited; then there is a pause.
                if time.monotonic() >= self._next_fetch_at:
                    self._fetch()
            finally:
                self._fetching.release()
        if self._age() >= _USABLE_S:
            raise SigningKeysUnavailable(
                "The Supabase project's public keys cannot be fetched.",
                hint="Try again; if it stays so, check SUPABASE_URL.",
            )
        return self._keys.get(key_id)

    def _age(self) -> float:
        """Seconds since the keys were fetched."""
        return float("inf") if self._fetched_at is None else time.monotonic() - self._fetched_at

    def _fetch(self) -> None:
        from jwt import PyJWKClient
        from jwt.exceptions import PyJWTError

        try:
            client = PyJWKClient(self._url, cache_jwk_set=False, timeout=_ANSWER_S)
            keys = _read_keys(client.fetch_data())
        except (PyJWTError, OSError, ValueError) as exc:
            self._next_fetch_at = time.monotonic() + _PAUSE_AFTER_FAILURE_S
            _log.warning("signing_keys_not_fetched", url=self._url, error=str(exc))
            return
        self._keys = keys
        self._fetched_at = time.monotonic()
        self._next_fetch_at = self._fetched_at + _PAUSE_S


def _read_keys(document: Mapping[str, object]) -> dict[str, PyJWK]:
    """The keys that may sign tokens; a project with the legacy secret alone has none."""
    from jwt import PyJWKSet

    listed = document.get("keys")
    if not isinstance(listed, list):
        raise ValueError("The answer lists no keys.")  # noqa: TRY004 — it is the answer's value
    keys = PyJWKSet(listed).keys if listed else []
    return {
        key.key_id: key
        for key in keys
        # A secret that is published by mistake would let everybody sign.
        if key.key_id and key.algorithm_name in ALGORITHMS and key.public_key_use in {None, "sig"}
    }
