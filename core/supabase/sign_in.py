"""Signing people in through a Supabase project's auth server: password, link by mail, renewal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from core.errors import (
    ConfigurationError,
    InvalidRequest,
    RefitError,
    SignInRefused,
    SignInUnavailable,
    TooManyRequests,
)

if TYPE_CHECKING:
    from supabase_auth import SyncMemoryStorage
    from supabase_auth.types import AuthResponse

    from core.settings import Settings
    from supabase import AuthApiError, ClientOptions, SupabaseAuthClient

_CONNECT_TIMEOUT_S = 3.0
_ANSWER_TIMEOUT_S = 9.0
_PAUSE_S = 60
# What would tell whether somebody has an account: answered as if the mail was sent.
_SILENT = frozenset(
    {
        *("otp_disabled", "signup_disabled", "user_not_found", "user_banned"),
        *("over_email_send_rate_limit", "email_not_confirmed"),
    }
)
_REASONS = {
    "invalid_credentials": "The address or the password is wrong.",
    "email_not_confirmed": "This address is not confirmed yet.",
    "user_banned": "This account is barred.",
    "link_over": "The link was opened before, has expired, or belongs to another browser.",
    "session_over": "The session has ended.",
    "refused": "Supabase does not let this account in.",
}


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """What a user is known by until it expires, and what it is exchanged for a new one with."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)


def may_sign_in(settings: Settings) -> bool:
    """Whether people can sign in with Supabase here."""
    return settings.supabase_url is not None and settings.supabase_publishable_key is not None


class SignIn:
    """The auth server, asked as anybody may: with the publishable key.

    Each call has a client and connections of its own: nobody meets another's session.

    Parameters
    ----------
    settings : Settings
        ``SUPABASE_URL`` and ``SUPABASE_PUBLISHABLE_KEY``.

    Raises
    ------
    ConfigurationError
        When one of them is missing; it is named.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.supabase_url is None or settings.supabase_publishable_key is None:
            missing = "SUPABASE_PUBLISHABLE_KEY" if settings.supabase_url else "SUPABASE_URL"
            raise ConfigurationError(
                f"{missing} is not set.", hint="Signing in with Supabase needs it."
            )
        self._url = settings.supabase_url
        self._key = settings.supabase_publishable_key.get_secret_value()

    def with_password(self, email: str, password: str) -> Tokens:
        """Sign in by address and password.

        Raises
        ------
        SignInRefused
            They are wrong, or the account may not.
        TooManyRequests, SignInUnavailable, ConfigurationError
            Supabase says so.
        """
        if not password:  # the library would call it a wrong use of it
            raise SignInRefused(_REASONS["invalid_credentials"], reason="invalid_credentials")
        with self._client() as (auth, _), _named_errors("invalid_credentials"):
            return _tokens(auth.sign_in_with_password({"email": email, "password": password}))

    def send_link(self, email: str, redirect_to: str) -> str:
        """Have a link mailed, and give the verifier that its code must be exchanged with.

        It ends the same way whether somebody has this address or not; nobody is signed up.

        Parameters
        ----------
        email : str
        redirect_to : str
            Where the link leads; the project must allow it.

        Raises
        ------
        TooManyRequests, SignInUnavailable, ConfigurationError
            Supabase says so.
        """
        from supabase import AuthApiError

        with self._client() as (auth, options), _named_errors("refused"):
            try:
                auth.sign_in_with_otp(
                    {
                        "email": email,
                        "options": {"email_redirect_to": redirect_to, "should_create_user": False},
                    }
                )
            except AuthApiError as exc:
                if exc.code not in _SILENT:
                    raise
            # The client's own memory, which holds nothing else.
            (verifier,) = cast("SyncMemoryStorage", options.storage).storage.values()
        return verifier

    def with_code(self, code: str, verifier: str) -> Tokens:
        """Sign in by the code that a mailed link brought.

        Raises
        ------
        SignInRefused
            The link was opened before or expired, or the code is another browser's.
        TooManyRequests, SignInUnavailable, ConfigurationError
            Supabase says so.
        """
        given = {"auth_code": code, "code_verifier": verifier, "redirect_to": ""}
        with self._client() as (auth, _), _named_errors("link_over"):
            return _tokens(auth.exchange_code_for_session(given))  # type: ignore[arg-type]

    def renew(self, refresh_token: str) -> Tokens:
        """Exchange a refresh token for new tokens.

        Raises
        ------
        SignInRefused
            The session ended.
        TooManyRequests, SignInUnavailable, ConfigurationError
            Supabase says so.
        """
        with self._client() as (auth, _), _named_errors("session_over"):
            return _tokens(auth.refresh_session(refresh_token))

    def sign_out(self, access_token: str) -> None:
        """End the session of this token, and no other session of its user.

        Raises
        ------
        SignInRefused
            There is no such session any more.
        TooManyRequests, SignInUnavailable, ConfigurationError
            Supabase says so.
        """
        with self._client() as (auth, _), _named_errors("session_over"):
            auth.admin.sign_out(access_token, "local")

    @contextmanager
    def _client(self) -> Iterator[tuple[SupabaseAuthClient, ClientOptions]]:
        from core.database.bounded_http import bounded_client
        from supabase import ClientOptions, SupabaseException, create_client

        with bounded_client(connect_s=_CONNECT_TIMEOUT_S, answer_s=_ANSWER_TIMEOUT_S) as http:
            options = ClientOptions(
                httpx_client=http, persist_session=False, auto_refresh_token=False
            )
            try:
                client = create_client(self._url, self._key, options=options)
            except SupabaseException as exc:
                raise ConfigurationError(
                    "SUPABASE_URL is no address of a Supabase project.",
                    hint="It looks like https://PROJECT.supabase.co.",
                ) from exc
            yield client.auth, options


def _tokens(answer: AuthResponse) -> Tokens:
    if answer.session is None:
        raise SignInRefused(_REASONS["refused"], reason="refused")
    return Tokens(
        access_token=answer.session.access_token, refresh_token=answer.session.refresh_token
    )


@contextmanager
def _named_errors(usual: str) -> Iterator[None]:
    """The auth server's errors as ours; ``usual`` is what a plain refusal means here."""
    from pydantic import ValidationError

    from supabase import AuthApiError, AuthError

    try:
        yield
    except AuthApiError as exc:
        raise _refusal(exc, usual) from exc
    except UnicodeEncodeError as exc:
        raise InvalidRequest("This has characters that cannot be sent.") from exc
    except (AuthError, ValidationError) as exc:
        raise SignInUnavailable(
            "The Supabase project does not answer as its auth server does.",
            hint="Try again; if it stays so, check SUPABASE_URL.",
        ) from exc


def _refusal(exc: AuthApiError, usual: str) -> RefitError:
    """What an answer of the auth server means; nothing that was typed is in it."""
    if exc.status == 429:
        return TooManyRequests(
            "Supabase takes no more such requests for now.",
            retry_after_s=_PAUSE_S,
            hint=f"Try again in {_PAUSE_S} s.",
        )
    if exc.status >= 500:
        return SignInUnavailable(
            f"The Supabase project failed: {exc.message}.", hint="Try again in a moment."
        )
    if exc.code == "email_provider_disabled":
        return ConfigurationError(
            "Signing in by mail is switched off in the Supabase project.",
            hint="Switch it on under Authentication, Sign In / Providers.",
        )
    if exc.code is None and exc.status in {401, 403}:
        return ConfigurationError(
            f"Supabase refused the key: {exc.message}.", hint="Correct SUPABASE_PUBLISHABLE_KEY."
        )
    reason = exc.code if exc.code in _REASONS else usual
    return SignInRefused(_REASONS[reason], reason=reason)
