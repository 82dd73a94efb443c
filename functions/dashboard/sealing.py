"""What a browser keeps for us: encrypted, authenticated, and bound to its purpose."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet


def seal(secrets: tuple[str, ...], purpose: str, content: Mapping[str, Any]) -> str:
    """A text that only the holder of a secret can read or make.

    Parameters
    ----------
    secrets : tuple of str
        The first one seals.
    purpose : str
        What is sealed for one purpose cannot be read for another.
    content : mapping
        Plain JSON.
    """
    # A token is base64 in base64: compressing takes the inner one off again.
    packed = zlib.compress(json.dumps(dict(content), separators=(",", ":")).encode(), level=9)
    return _keys(secrets, purpose).encrypt(packed).decode()


def unseal(secrets: tuple[str, ...], purpose: str, sealed: str) -> dict[str, Any] | None:
    """What was sealed for this purpose with one of the secrets; None when this was not."""
    from cryptography.fernet import InvalidToken

    try:
        packed = _keys(secrets, purpose).decrypt(sealed.encode())
    except (InvalidToken, UnicodeEncodeError):
        return None
    content: dict[str, Any] = json.loads(zlib.decompress(packed))
    return content


@lru_cache(maxsize=16)
def _keys(secrets: tuple[str, ...], purpose: str) -> MultiFernet:
    from cryptography.fernet import Fernet, MultiFernet
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    def derive(secret: str) -> Fernet:
        key = HKDF(
            algorithm=SHA256(), length=32, salt=None, info=f"refit dashboard {purpose}".encode()
        ).derive(secret.encode())
        return Fernet(base64.urlsafe_b64encode(key))

    return MultiFernet([derive(secret) for secret in secrets])
