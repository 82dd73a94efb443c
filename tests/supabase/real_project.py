"""A real Supabase project, named by the environment: people who really sign in there."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from typing import Any

import httpx
import jwt

from core.database import SupabaseDatabase
from core.domain import User
from supabase import Client, ClientOptions, create_client

# Each under its own name, or as it was called before.
VARIABLES = (
    ("SUPABASE_URL",),
    ("SUPABASE_SECRET_KEY", "SUPABASE_SERVICE_ROLE_KEY"),
    ("SUPABASE_PUBLISHABLE_KEY", "SUPABASE_ANON_KEY"),
)


def is_named() -> bool:
    """Whether the environment names one, with its keys."""
    return all(_values())


def _values() -> list[str]:
    """Address, secret key and publishable key; empty where they are not set."""
    return [next(filter(None, (os.environ.get(name) for name in names)), "") for names in VARIABLES]


class RealProject:
    """A project that holds Refit's migrations; the people made here are removed again."""

    def __init__(self) -> None:
        self._url, secret, self._publishable = _values()
        self._http = httpx.Client(http2=False, timeout=10)
        self._admin = self._client(secret).auth.admin
        self._made: list[str] = []
        self.database = SupabaseDatabase(
            self._url, secret_key=secret, publishable_key=self._publishable
        )

    def sign_in(
        self, role: str | None = None, *, user_metadata: Mapping[str, Any] | None = None
    ) -> User:
        """A new person with this ML role, signed in."""
        email, password = f"{secrets.token_hex(8)}@example.org", secrets.token_urlsafe(24)
        made = self._admin.create_user(
            {
                "email": email,
                "password": password,
                "email_confirm": True,
                "app_metadata": {} if role is None else {"ml_role": role},
                "user_metadata": dict(user_metadata or {}),
            }
        )
        self._made.append(made.user.id)
        client = self._client(self._publishable)
        session = client.auth.sign_in_with_password({"email": email, "password": password}).session
        assert session is not None
        token = session.access_token
        return User(claims=jwt.decode(token, options={"verify_signature": False}), token=token)

    def close(self) -> None:
        for user_id in self._made:
            self._admin.delete_user(user_id)
        self.database.close()
        self._http.close()

    def _client(self, key: str) -> Client:
        options = ClientOptions(
            httpx_client=self._http, persist_session=False, auto_refresh_token=False
        )
        return create_client(self._url, key, options=options)
