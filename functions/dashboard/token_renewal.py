"""New tokens for old ones; a page asks several things at once, and one exchange serves them all."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from functools import cache
from threading import Lock

from core.settings import Settings
from core.supabase.sign_in import SignIn, Tokens

# The exchange of one browser holds up no other's, as a rule.
_LOCKS = 16
_REMEMBERED_S = 30.0
_REMEMBERED = 1000


class _Renewals:
    """What was exchanged a moment ago, by the hash of the old refresh token.

    A refresh token serves once (Supabase lets a repetition pass for some seconds): requests that
    carry the same one must get the same answer, or the session would end.
    """

    def __init__(self) -> None:
        self._locks = [Lock() for _ in range(_LOCKS)]
        self._lock = Lock()
        self._recent: OrderedDict[bytes, tuple[Tokens, float]] = OrderedDict()

    def renew(self, settings: Settings, tokens: Tokens) -> Tokens:
        digest = hashlib.sha256(tokens.refresh_token.encode()).digest()
        with self._locks[digest[0] % _LOCKS]:
            known = self._recall(digest)
            if known is None:
                known = SignIn(settings).renew(tokens.refresh_token)
                self._remember(digest, known)
            return known

    def _recall(self, digest: bytes) -> Tokens | None:
        with self._lock:
            tokens, until = self._recent.get(digest, (None, 0.0))
            return tokens if time.monotonic() < until else None

    def _remember(self, digest: bytes, tokens: Tokens) -> None:
        with self._lock:
            self._recent[digest] = (tokens, time.monotonic() + _REMEMBERED_S)
            while len(self._recent) > _REMEMBERED:
                self._recent.popitem(last=False)


@cache
def _renewals() -> _Renewals:
    return _Renewals()


def renew(settings: Settings, tokens: Tokens) -> Tokens:
    """Exchange tokens that (nearly) expired.

    Raises
    ------
    SignInRefused
        The session ended in Supabase.
    SignInUnavailable
        The project does not answer.
    """
    return _renewals().renew(settings, tokens)
