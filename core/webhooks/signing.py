"""Signing callbacks as Standard Webhooks prescribes."""

from __future__ import annotations

import base64
import binascii
import secrets
from datetime import datetime
from typing import Self

from standardwebhooks import Webhook

from core.errors import ConfigurationError

VARIABLE = "REFIT_WEBHOOK_SECRET"
FILE_NAME = "webhook-secret"  # where `refit up` keeps the one that it makes
_PREFIX = "whsec_"
_KEY_BYTES = range(24, 65)  # the standard's bounds
_MADE_BYTES = 32


class Signer:
    """Signs with one secret, which is never shown.

    Parameters
    ----------
    key : bytes
        24 to 64 random bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._webhook = Webhook(key)

    @classmethod
    def from_secret(cls, secret: str) -> Self:
        """The signer of a secret in the form ``whsec_…``.

        Raises
        ------
        ConfigurationError
            When it has another form; the variable is named, its value is not shown.
        """
        try:
            key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not secret.startswith(_PREFIX) or len(key) not in _KEY_BYTES:
            raise ConfigurationError(
                f"{VARIABLE} is no signing secret.",
                hint="It is whsec_ and 24 to 64 random bytes in base64: "
                'echo "whsec_$(openssl rand -base64 32)"',
            )
        return cls(key)

    def headers(self, delivery_id: str, moment: datetime, body: str) -> dict[str, str]:
        """The three headers that prove who sent a body, and when.

        Parameters
        ----------
        delivery_id : str
            The same for every attempt, so that a receiver can drop what it has already.
        moment : datetime
            Of this attempt, in UTC.
        body : str
            Exactly what is sent.
        """
        return {
            "webhook-id": delivery_id,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": self._webhook.sign(delivery_id, moment, body),
        }


def make_secret() -> str:
    """A new secret.

    >>> Signer.from_secret(make_secret()) is not None
    True
    """
    return _PREFIX + base64.b64encode(secrets.token_bytes(_MADE_BYTES)).decode()
