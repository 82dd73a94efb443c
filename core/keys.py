"""Machine keys: how one is made, and what is kept of it."""

from __future__ import annotations

import hashlib
import re
import secrets

PREFIX = "rft_"
_RANDOM_BYTES = 32
_SHAPE = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")


def make_key() -> str:
    """A new key: ``rft_`` and 256 random bits, safe in addresses and headers.

    >>> key = make_key()
    >>> key[:4], len(key), is_key(key)
    ('rft_', 47, True)
    """
    return PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def is_key(text: str) -> bool:
    """Whether a text has the shape of a key; what has not need not be looked up.

    >>> is_key("Bearer rft_1")
    False
    """
    return _SHAPE.fullmatch(text) is not None


def hash_key(key: str) -> str:
    """What the database keeps: the SHA-256 of the key, in hex.

    A key is 256 random bits, so nobody can guess one from its hash and no salt is needed.
    """
    return hashlib.sha256(key.encode()).hexdigest()
