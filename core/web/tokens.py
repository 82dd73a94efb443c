"""Supabase's user tokens, verified here with the project's public keys: no request per token."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Any

from core.domain import User
from core.errors import InvalidToken, Unauthenticated
from core.web.signing_keys import ALGORITHMS, SigningKeys

if TYPE_CHECKING:
    from jwt import PyJWK

    from core.settings import Settings

_AUDIENCE = "authenticated"
_REQUIRED = ["exp", "iat", "sub", "aud", "iss", "role"]
# Clocks differ.
_LEEWAY_S = 10
# What servers take of a header at most.
_LONGEST = 8192
_REMEMBERED_S = 30.0
_REMEMBERED = 1000
_SIGN_IN = "Sign in again, or refresh the session."


class UserTokens:
    """Makes users of tokens.

    A token stands until it expires: that its session ended meanwhile shows only in Supabase.

    Parameters
    ----------
    settings : Settings
        ``SUPABASE_URL`` says whose tokens; ``SUPABASE_JWT_SECRET`` admits those that are signed
        with the legacy secret.
    """

    def __init__(self, settings: Settings) -> None:
        url = settings.supabase_url
        self._issuer = f"{url.rstrip('/')}/auth/v1" if url else None
        self._secret = settings.supabase_jwt_secret
        self._keys = SigningKeys(self._issuer) if self._issuer else None
        self._lock = Lock()
        # By the token's hash: the user, and until when (seconds since the epoch).
        self._remembered: OrderedDict[bytes, tuple[User, float]] = OrderedDict()

    def verify(self, token: str) -> User:
        """The user whose token this is.

        Raises
        ------
        InvalidToken
            It is none, expired, another project's, or an anonymous user's.
        Unauthenticated
            User tokens are not accepted here, as SUPABASE_URL is not set.
        SigningKeysUnavailable
            The project's keys are not known and cannot be fetched.
        """
        if self._issuer is None:
            raise Unauthenticated(
                "User tokens are not accepted here.",
                hint="They need SUPABASE_URL; or send a machine key in the header X-API-Key.",
            )
        if not token or len(token) > _LONGEST:
            raise InvalidToken(
                f"A user token has 1 to {_LONGEST} characters; this has {len(token)}."
            )
        digest = hashlib.sha256(token.encode()).digest()
        user = self._recall(digest)
        if user is None:
            claims = self._verified_claims(token, self._issuer)
            user = User(claims=claims, token=token)
            self._remember(digest, user)
        return user

    def _recall(self, digest: bytes) -> User | None:
        with self._lock:
            user, until = self._remembered.get(digest, (None, 0.0))
            return user if time.time() < until else None

    def _remember(self, digest: bytes, user: User) -> None:
        until = min(time.time() + _REMEMBERED_S, int(user.claims["exp"]) + _LEEWAY_S)
        with self._lock:
            self._remembered[digest] = (user, until)
            self._remembered.move_to_end(digest)
            while len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)

    def _verified_claims(self, token: str, issuer: str) -> dict[str, Any]:
        import jwt

        try:
            key, algorithm = self._find_key(jwt.get_unverified_header(token))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                # Of the key, never of the token: a public key is no secret to sign with.
                algorithms=[algorithm],
                audience=_AUDIENCE,
                issuer=issuer,
                leeway=_LEEWAY_S,
                options={"require": _REQUIRED},
            )
        # What is nested deeper than Python goes, or is no text, is no token either.
        except (jwt.PyJWTError, RecursionError, ValueError) as exc:
            raise _refusal(exc, issuer) from exc
        _require_person(claims)
        return claims

    def _find_key(self, header: dict[str, Any]) -> tuple[PyJWK | str, str]:
        """What verifies a token with this header, and by which algorithm."""
        algorithm = header.get("alg")
        if algorithm == "HS256":
            if self._secret is None:
                raise InvalidToken(
                    "The token is signed with a shared secret.",
                    hint="Tokens of this kind need SUPABASE_JWT_SECRET.",
                )
            return self._secret.get_secret_value(), "HS256"
        if algorithm not in ALGORITHMS:
            raise InvalidToken("The token is signed by no algorithm that is accepted.")
        key = self._keys.find(str(header.get("kid"))) if self._keys else None
        if key is None:
            raise InvalidToken(
                "The token is signed with a key that is not this project's.", hint=_SIGN_IN
            )
        return key, key.algorithm_name


def _require_person(claims: dict[str, Any]) -> None:
    """Refuse what the project signs for others than people who signed in."""
    anonymous = claims.get("is_anonymous")
    if claims["role"] != _AUDIENCE or not (anonymous is None or anonymous is False):
        raise InvalidToken("The token is not that of a user who has signed in.", hint=_SIGN_IN)
    metadata = claims.get("app_metadata")
    if not claims["sub"] or not isinstance(metadata, dict | None):
        raise InvalidToken("The token's claims are not those of a Supabase user.")
    if not isinstance(metadata.get("ml_role") if metadata else None, str | None):
        raise InvalidToken("The token's ml_role is no text.")


def _refusal(exc: Exception, issuer: str) -> InvalidToken:
    """Why a token was refused; nothing of the token is in it."""
    from jwt import exceptions

    if isinstance(exc, exceptions.ExpiredSignatureError):
        return InvalidToken("The token has expired.", hint=_SIGN_IN)
    if isinstance(exc, exceptions.ImmatureSignatureError):
        return InvalidToken("The token is not valid yet.", hint="Compare the clocks.")
    if isinstance(exc, exceptions.MissingRequiredClaimError):
        return InvalidToken(f"The token lacks {exc.claim}.")
    if isinstance(exc, exceptions.InvalidIssuerError):
        return InvalidToken(f"The token is not of {issuer}.", hint=_SIGN_IN)
    if isinstance(exc, exceptions.InvalidAudienceError):
        return InvalidToken(f"The token is not for the audience {_AUDIENCE}.")
    if isinstance(exc, exceptions.InvalidSignatureError):
        return InvalidToken("The token's signature does not fit.", hint=_SIGN_IN)
    return InvalidToken("The token cannot be read.")
