"""The people of a Supabase project and their ML roles, through its auth server's admin API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from core.domain import Role
from core.errors import ConfigurationError, Conflict, NotFound, RefitError

if TYPE_CHECKING:
    from supabase_auth.types import User

    from core.settings import Settings

_PER_PAGE = 200
_TIMEOUT_S = 9.0
_CLAIM = "ml_role"


@dataclass(frozen=True, kw_only=True)
class Account:
    """Somebody who can sign in to the project."""

    id: str
    email: str | None
    ml_role: str | None  # what app_metadata says; only viewer, operator and admin mean anything
    last_sign_in_at: datetime | None

    @classmethod
    def from_user(cls, user: User) -> Account:
        """An account as the auth server shows it."""
        role = user.app_metadata.get(_CLAIM)
        return cls(
            id=user.id,
            email=user.email or None,
            ml_role=None if role is None else str(role),
            last_sign_in_at=user.last_sign_in_at,
        )


class Accounts:
    """The project's accounts.

    Parameters
    ----------
    settings : Settings
        ``SUPABASE_URL`` and ``SUPABASE_SECRET_KEY``.

    Raises
    ------
    ConfigurationError
        When one of them is missing; it is named.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.supabase_url is None:
            raise ConfigurationError(
                "SUPABASE_URL is not set.",
                hint="Users are those of a Supabase project; programs get keys: refit keys create.",
            )
        if settings.supabase_secret_key is None:
            raise ConfigurationError(
                "SUPABASE_SECRET_KEY is not set.",
                hint="Roles are granted with it; it stands under Project Settings, API Keys.",
            )
        import httpx

        from supabase import ClientOptions, SupabaseException, create_client

        self._http = httpx.Client(http2=False, timeout=_TIMEOUT_S)
        options = ClientOptions(
            httpx_client=self._http, persist_session=False, auto_refresh_token=False
        )
        key = settings.supabase_secret_key.get_secret_value()
        try:
            self._admin = create_client(settings.supabase_url, key, options=options).auth.admin
        except SupabaseException as exc:
            self._http.close()
            raise ConfigurationError(
                "SUPABASE_URL is no address of a Supabase project.",
                hint="It looks like https://PROJECT.supabase.co.",
            ) from exc

    def __iter__(self) -> Iterator[Account]:
        """All accounts, page by page."""
        page = 1
        while True:
            with _named_errors():
                users = self._admin.list_users(page=page, per_page=_PER_PAGE)
            if not users:  # a server may give fewer for a page than were asked for
                return
            yield from map(Account.from_user, users)
            page += 1

    def find(self, email: str) -> Account:
        """The account with this address, in whatever case, or with this id.

        Raises
        ------
        NotFound
            There is none.
        Conflict
            There are several, as with single sign-on beside a password.
        """
        wanted = email.strip().lower()
        found = [
            account
            for account in self
            if wanted in {account.id.lower(), (account.email or "").lower()} - {""}
        ]
        if not found:
            raise NotFound(
                f"Nobody in the Supabase project has the address {email}.",
                hint="They sign up or are invited first; refit users list --all shows everybody.",
            )
        if len(found) > 1:
            ids = ", ".join(account.id for account in found)
            raise Conflict(
                f"{len(found)} accounts have the address {email}.", hint=f"Name an id: {ids}."
            )
        return found[0]

    def set_role(self, account: Account, role: Role | None) -> Account:
        """Give an account this role, or none; nothing else of it changes.

        The server merges: only what is named is written, and null takes away.
        """
        claim = None if role is None else str(role)
        with _named_errors():
            answer = self._admin.update_user_by_id(account.id, {"app_metadata": {_CLAIM: claim}})
        changed = Account.from_user(answer.user)
        if changed.ml_role != claim:
            raise RefitError(f"The role of {account.email or account.id} did not change.")
        return changed

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


@contextmanager
def _named_errors() -> Iterator[None]:
    """The auth server's errors as ours; none of them shows the key."""
    from pydantic import ValidationError

    from supabase import AuthApiError, AuthError, AuthRetryableError

    try:
        yield
    except AuthRetryableError as exc:
        raise RefitError(
            f"The Supabase project does not answer: {exc.message}.",
            hint="Check SUPABASE_URL, then try again.",
        ) from exc
    except AuthApiError as exc:
        if exc.status in {401, 403}:
            raise ConfigurationError(
                f"Supabase refused the key: {exc.message}.", hint="Correct SUPABASE_SECRET_KEY."
            ) from exc
        raise RefitError(f"Supabase refused: {exc.message}.") from exc
    except (AuthError, ValidationError) as exc:
        raise RefitError(
            "The Supabase project's answer is not that of its auth server.",
            hint="Check SUPABASE_URL.",
        ) from exc
