"""A stand-in for a Supabase project, which no machine here can have: PostgREST and the auth server
come from no registry of ours.

It speaks their wire shapes over a real, migrated database: the Data API's RPC calls
(``tests.supabase.data_api``), the keys that tokens are signed with, signing in
(``tests.supabase.sign_in_api``), and the administration of users (``tests.supabase.auth_api``).
What stands in front of them checks the ``apikey`` header.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import jwt

from core.domain import User
from tests.supabase.auth_api import answer_auth
from tests.supabase.data_api import DataApi
from tests.supabase.sign_in_api import PATHS as SIGN_IN_PATHS
from tests.supabase.sign_in_api import SignInApi
from tests.supabase.tokens import Json, SigningKey, claims_of
from tests.supabase.wire import Reply, Request, Speaker, WireError

# PostgREST's own tolerance.
_LEEWAY_S = 30


@dataclass(kw_only=True)
class Project:
    """One project: its keys, its people, and what was asked of it."""

    address: str
    data_api: DataApi
    publishable_key: str = field(default_factory=lambda: f"sb_publishable_{secrets.token_hex(16)}")
    secret_key: str = field(default_factory=lambda: f"sb_secret_{secrets.token_hex(16)}")
    jwt_secret: str = field(default_factory=lambda: secrets.token_hex(32))
    signing_keys: list[SigningKey] = field(default_factory=lambda: [SigningKey(kid="first")])
    users: dict[str, Json] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    # What it answers whatever it is asked, to play a fault.
    only_answer: Reply | None = None
    delay_s: float = 0.0
    sign_in: SignInApi = field(init=False)

    def __post_init__(self) -> None:
        self.sign_in = SignInApi(users=self.users, sign=self.token)

    @property
    def issuer(self) -> str:
        return f"{self.address}/auth/v1"

    @property
    def environ(self) -> dict[str, str]:
        """The variables of functions that are deployed beside it, without DATABASE_URL."""
        return {
            "SUPABASE_URL": self.address,
            "SUPABASE_SECRET_KEY": self.secret_key,
            "SUPABASE_PUBLISHABLE_KEY": self.publishable_key,
        }

    def legacy_key(self, role: str) -> str:
        """An ``anon`` or ``service_role`` key: a token without end, signed with the secret."""
        claims = {"iss": "supabase", "ref": "double", "role": role, "iat": 1_700_000_000}
        return jwt.encode(claims | {"exp": 2_000_000_000}, self.jwt_secret, "HS256")

    def token(self, role: str | None = None, /, **changes: Any) -> str:
        """The token of somebody who signed in."""
        return self.signing_keys[0].sign(claims_of(self.issuer, role, **changes))

    def user(self, role: str | None = None, /, **changes: Any) -> User:
        """Somebody who signed in."""
        claims = claims_of(self.issuer, role, **changes)
        return User(claims=claims, token=self.signing_keys[0].sign(claims))

    def answer(self, request: Request) -> Reply:
        """Answer as the project's gateway does."""
        self.requests.append(request)
        time.sleep(self.delay_s)
        if self.only_answer is not None:
            return self.only_answer
        path = urlsplit(request.path).path
        if path == "/auth/v1/.well-known/jwks.json":
            return Reply(body={"keys": [key.public_jwk for key in self.signing_keys]})
        try:
            speaker = self._identify(request.headers)
            if path in SIGN_IN_PATHS:
                return self.sign_in.answer(request, speaker)
            if path.startswith("/auth/v1/"):
                return answer_auth(self.users, request, speaker)
            return self.data_api.answer(request, speaker)
        except WireError as exc:
            return Reply(status=exc.status, body=exc.body)

    def _identify(self, headers: dict[str, str]) -> Speaker:
        key = headers.get("apikey")
        if key is None:
            raise WireError(
                401,
                message="No API key found in request",
                hint="No `apikey` request header or url param was found.",
            )
        holder = self._key_holder(key)
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        if bearer in {"", key}:
            return holder
        if bearer.startswith("sb_"):
            raise WireError(401, message="Invalid API key", hint="Double check your API key.")
        # A user's token wins over the key, the secret one too.
        return self._token_holder(bearer)

    def _key_holder(self, key: str) -> Speaker:
        if key in {self.publishable_key, self.legacy_key("anon")}:
            return Speaker(role="anon", claims={"role": "anon"})
        if key in {self.secret_key, self.legacy_key("service_role")}:
            return Speaker(role="service_role", claims={"role": "service_role"})
        raise WireError(
            401,
            message="Invalid API key",
            hint="Double check your Supabase `anon` or `service_role` API key.",
        )

    def _token_holder(self, token: str) -> Speaker:
        public = {key.kid: key.private.public_key() for key in self.signing_keys}
        try:
            header = jwt.get_unverified_header(token)
            key = self.jwt_secret if header["alg"] == "HS256" else public.get(header.get("kid", ""))
            if key is None:
                raise WireError(
                    401, code="PGRST301", message="No suitable key or wrong key type", hint=None
                )
            claims = jwt.decode(
                token,
                key,
                algorithms=[header["alg"]],
                audience="authenticated",
                leeway=_LEEWAY_S,
            )
        except jwt.ExpiredSignatureError as exc:
            raise WireError(401, code="PGRST303", message="JWT expired", hint=None) from exc
        except jwt.PyJWTError as exc:
            raise WireError(
                401, code="PGRST301", message="JWT cryptographic operation failed", hint=None
            ) from exc
        return Speaker(role=claims.get("role", "anon"), claims=claims)


@contextmanager
def running_project(database_url: str) -> Iterator[Project]:
    """A project over this database, as long as the block lasts."""
    data_api = DataApi(database_url)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    project = Project(address=f"http://127.0.0.1:{server.server_port}", data_api=data_api)
    server.project = project  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield project
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        data_api.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # So that no thread outlives its client for long.
    timeout = 20
    # Head and body in one packet: a client that waits for the second one costs 40 ms.
    wbufsize = 65_536

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        request = Request(
            method=self.command,
            path=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length),
        )
        reply = self.server.project.answer(request)  # type: ignore[attr-defined]
        content = b"" if reply.status == 204 else reply.content
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        if reply.status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 — the names that the server looks for

    def log_message(self, *_: object) -> None:
        """Tests look at ``Project.requests``."""
