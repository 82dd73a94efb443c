"""Signing in, in the auth server's wire shapes: part of the stand-in for a Supabase project.

It knows the password grant, links by mail with PKCE, the renewal of tokens, and signing out of one
session; what the real server does besides (limits, mail templates, second factors) it does not.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from tests.supabase.auth_api import sign_in
from tests.supabase.tokens import Json
from tests.supabase.wire import Reply, Request, Speaker, WireError

PATHS = frozenset({"/auth/v1/token", "/auth/v1/otp", "/auth/v1/logout"})


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A mail that would have been sent.

    The real one leads over the project's own address; ``link`` is where that leads in the end.
    """

    to: str
    link: str


@dataclass(kw_only=True)
class SignInApi:
    """Who may renew what, which links are under way, and how long tokens last.

    Parameters
    ----------
    users : dict
        The project's people.
    sign : callable
        Makes a token with these claims.
    """

    users: dict[str, Json]
    sign: Callable[..., str]
    token_lasts_s: int = 3600
    mails: list[Mail] = field(default_factory=list)
    # By refresh token: whose, and in which session.
    sessions: dict[str, tuple[str, str]] = field(default_factory=dict)
    _flows: dict[str, tuple[str, str]] = field(default_factory=dict)  # code: challenge, user

    def answer(self, request: Request, speaker: Speaker) -> Reply:
        parts = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/auth/v1/logout":
            return self._sign_out(speaker)
        given = json.loads(request.body)
        if parts.path == "/auth/v1/otp":
            return self._mail(given, query.get("redirect_to", ""))
        grants = {"password": self._password, "pkce": self._code, "refresh_token": self._renew}
        return grants[query.get("grant_type", "password")](given, request)

    def _password(self, _: Json, request: Request) -> Reply:
        return self._session(sign_in(self.users, request), str(uuid4()))

    def _mail(self, given: Json, redirect_to: str) -> Reply:
        user = next((u for u in self.users.values() if u["email"] == given["email"]), None)
        if user is None:
            if given["create_user"]:
                raise NotImplementedError("Nobody is to be signed up.")
            raise WireError(
                422, code=422, error_code="otp_disabled", msg="Signups not allowed for otp"
            )
        code = str(uuid4())
        self._flows[code] = (given["code_challenge"], user["id"])
        self.mails.append(Mail(to=given["email"], link=f"{redirect_to}?code={code}"))
        return Reply(body={})

    def _code(self, given: Json, _: Request) -> Reply:
        challenge, user_id = self._flows.get(given["auth_code"], ("", ""))
        if not challenge:
            raise WireError(
                404,
                code=404,
                error_code="flow_state_not_found",
                msg="invalid flow state, no valid flow state found",
            )
        digest = hashlib.sha256(given["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != challenge:
            raise WireError(
                400,
                code=400,
                error_code="bad_code_verifier",
                msg="code challenge does not match previously saved code verifier",
            )
        del self._flows[given["auth_code"]]
        return self._session(self.users[user_id], str(uuid4()))

    def _renew(self, given: Json, _: Request) -> Reply:
        user_id, session_id = self.sessions.pop(given["refresh_token"], ("", ""))
        if not user_id:
            raise WireError(
                400,
                code=400,
                error_code="refresh_token_not_found",
                msg="Invalid Refresh Token: Refresh Token Not Found",
            )
        return self._session(self.users[user_id], session_id)

    def _sign_out(self, speaker: Speaker) -> Reply:
        session_id = speaker.claims.get("session_id")
        ended = [token for token, (_, of) in self.sessions.items() if of == session_id]
        if not ended:
            raise WireError(
                403,
                code=403,
                error_code="session_not_found",
                msg="Session from session_id claim in JWT does not exist",
            )
        for token in ended:
            del self.sessions[token]
        return Reply(status=204)

    def _session(self, user: Json, session_id: str) -> Reply:
        claims = {name: user[name] for name in ("email", "app_metadata", "user_metadata")}
        token = self.sign(
            None,
            sub=user["id"],
            session_id=session_id,
            exp=int(time.time()) + self.token_lasts_s,
            **claims,
        )
        refresh_token = secrets.token_urlsafe(9)
        self.sessions[refresh_token] = (user["id"], session_id)
        session = {"access_token": token, "refresh_token": refresh_token, "token_type": "bearer"}
        return Reply(body={**session, "expires_in": self.token_lasts_s, "user": user})
