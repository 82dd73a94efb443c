"""Which user tokens are accepted: those of this project, of people who signed in, and standing."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from pydantic import SecretStr

from core.domain import Role
from core.errors import InvalidToken, SigningKeysUnavailable, Unauthenticated
from core.settings import Settings
from core.web import signing_keys
from core.web.tokens import UserTokens
from tests.supabase.project import Project, running_project
from tests.supabase.tokens import SigningKey, claims_of
from tests.supabase.wire import Reply

NO_DATABASE = "postgresql://127.0.0.1:9/none"


@pytest.fixture
def project() -> Iterator[Project]:
    """Only its keys are asked for here."""
    with running_project(NO_DATABASE) as project:
        yield project


def tokens_of(project: Project, *, secret: str | None = None, url: str | None = None) -> UserTokens:
    return UserTokens(
        Settings(
            SUPABASE_URL=url or project.address,
            SUPABASE_JWT_SECRET=None if secret is None else SecretStr(secret),
        )
    )


@pytest.fixture
def tokens(project: Project) -> UserTokens:
    return tokens_of(project)


def part(value: Any) -> str:
    """A part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def key_requests(project: Project) -> int:
    return sum(request.path.endswith("jwks.json") for request in project.requests)


# Accepted -----------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [None, "viewer", "operator", "admin"])
def test_a_user_has_the_role_that_app_metadata_says(
    project: Project, tokens: UserTokens, role: str | None
) -> None:
    token = project.token(role)

    user = tokens.verify(token)

    assert user.role == (None if role is None else Role(role))
    assert (user.name, user.token) == ("ada@example.org", token)
    assert user.claims["app_metadata"] == {"provider": "email"} | (
        {} if role is None else {"ml_role": role}
    )


def test_roles_that_users_can_write_themselves_count_for_nothing(
    project: Project, tokens: UserTokens
) -> None:
    user = tokens.verify(project.token(user_metadata={"ml_role": "admin"}, ml_role="admin"))

    assert user.role is None


@pytest.mark.parametrize("given", ["scheduler", "owner", "ADMIN", ""])
def test_a_role_that_is_no_persons_is_none(
    project: Project, tokens: UserTokens, given: str
) -> None:
    assert tokens.verify(project.token(given)).role is None


def test_rsa_keys_are_accepted_too(project: Project, tokens: UserTokens) -> None:
    project.signing_keys.insert(0, SigningKey.rsa("rsa"))

    assert tokens.verify(project.token("viewer")).role is Role.VIEWER


def test_the_projects_address_may_end_in_a_slash(project: Project) -> None:
    tokens = tokens_of(project, url=f"{project.address}/")

    assert tokens.verify(project.token("viewer")).role is Role.VIEWER


def test_a_legacy_token_is_accepted_where_the_secret_is_known(project: Project) -> None:
    project.signing_keys.clear()  # such a project shows no public keys
    token = jwt.encode(claims_of(project.issuer, "viewer"), project.jwt_secret, "HS256")

    assert tokens_of(project, secret=project.jwt_secret).verify(token).role is Role.VIEWER
    with pytest.raises(InvalidToken, match="SUPABASE_JWT_SECRET"):
        tokens_of(project).verify(token)


def test_clocks_may_differ_by_a_few_seconds(project: Project, tokens: UserTokens) -> None:
    now = int(time.time())

    assert tokens.verify(project.token("viewer", exp=now - 5)).role is Role.VIEWER
    assert tokens.verify(project.token("viewer", iat=now + 5)).role is Role.VIEWER


# Refused ------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "expired": ({"exp": int(time.time()) - 60}, "has expired"),
    "issued in the future": ({"iat": int(time.time()) + 86_400}, "not valid yet"),
    "not valid yet": ({"nbf": int(time.time()) + 86_400}, "not valid yet"),
    "another project's": ({"iss": "https://other.supabase.co/auth/v1"}, "not of http"),
    "an issuer that only begins alike": ({"iss": "http://127.0.0.1"}, "not of http"),
    "another audience": ({"aud": "other"}, "audience"),
    "of other audiences": ({"aud": ["other", "authenticated-not"]}, "audience"),
    "an issuer with a slash": ({"iss": "https://other.supabase.co/auth/v1/"}, "not of http"),
    "the service role's": ({"role": "service_role"}, "signed in"),
    "nobody's": ({"role": "anon"}, "signed in"),
    "an anonymous user's": ({"is_anonymous": True}, "signed in"),
    "an anonymous user's, said otherwise": ({"is_anonymous": ["yes"]}, "signed in"),
    "without a subject's name": ({"sub": ""}, "claims"),
    "with odd metadata": ({"app_metadata": ["ml_role"]}, "claims"),
    "with an odd role": ({"app_metadata": {"ml_role": ["admin"]}}, "ml_role"),
    "with an odd expiry": ({"exp": "soon"}, "cannot be read"),
    **{f"without {name}": ({name: None}, f"lacks {name}") for name in ("exp", "iat", "sub")},
    **{f"without {name}": ({name: None}, f"lacks {name}") for name in ("aud", "iss", "role")},
}


@pytest.mark.parametrize(("changes", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_token_that_says_something_else_is_refused(
    project: Project, tokens: UserTokens, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidToken, match=reason):
        tokens.verify(project.token("admin", **changes))


@pytest.mark.parametrize(
    "token",
    [
        *("", "x", "a.b", "a.b.c", "a.b.c.d", "…", "é.é.é", "\0"),
        f"{part({'alg': 'ES256'})}.{part({})}.",
        f"{part({'alg': 'ES256', 'kid': 7})}.{part({})}.",
        f"{part([])}.{part([])}.",
        # Nested deeper than Python goes.
        f"{base64.urlsafe_b64encode(b'[' * 5000).decode().rstrip('=')}.e30.",
        "e" * 9000,
    ],
)
def test_what_is_no_token_is_refused(tokens: UserTokens, token: str) -> None:
    with pytest.raises(InvalidToken) as refused:
        tokens.verify(token)

    assert len(token) < 3 or token not in str(refused.value)


def test_a_token_of_8_kib_is_too_long(project: Project, tokens: UserTokens) -> None:
    with pytest.raises(InvalidToken, match="8192"):
        tokens.verify(project.token("viewer", user_metadata={"story": "x" * 8192}))


def test_a_signature_that_does_not_fit_is_refused(project: Project, tokens: UserTokens) -> None:
    forger = SigningKey(kid=project.signing_keys[0].kid)
    head, body, signature = project.token("viewer").split(".")
    promoted = part(claims_of(project.issuer, "admin"))

    for token in (
        forger.sign(claims_of(project.issuer, "admin")),
        f"{head}.{promoted}.{signature}",
        f"{head}.{body}.",
    ):
        with pytest.raises(InvalidToken, match="signature does not fit"):
            tokens.verify(token)


def test_a_token_that_brings_its_own_key_is_refused_and_nobody_is_asked(
    project: Project, tokens: UserTokens
) -> None:
    forger, claims = SigningKey(kid="forger"), claims_of(project.issuer, "admin")
    elsewhere = f"{project.address}/keys-of-a-forger"
    own = {"jku": elsewhere, "x5u": elsewhere, "jwk": forger.public_jwk}

    for kid in ("forger", project.signing_keys[0].kid, "../../../etc/passwd", elsewhere):
        with pytest.raises(InvalidToken):
            tokens.verify(forger.sign(claims, kid=kid, **own))

    assert {request.path for request in project.requests} == {"/auth/v1/.well-known/jwks.json"}


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, "HS512", "PS256"])
def test_an_algorithm_that_is_not_accepted_is_refused(
    project: Project, tokens: UserTokens, algorithm: str | None
) -> None:
    header = {"alg": algorithm, "typ": "JWT", "kid": project.signing_keys[0].kid}

    with pytest.raises(InvalidToken):
        tokens.verify(f"{part(header)}.{part(claims_of(project.issuer, 'admin'))}.")


@pytest.mark.parametrize("secret", [None, "s" * 40])
def test_a_public_key_is_no_secret_to_sign_with(project: Project, secret: str | None) -> None:
    import hashlib
    import hmac

    signing_key = project.signing_keys[0]
    public = signing_key.private.public_key()
    formats = [
        public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        json.dumps(signing_key.public_jwk).encode(),
    ]
    tokens = tokens_of(project, secret=secret)
    signed = (
        f"{part({'alg': 'HS256', 'kid': signing_key.kid})}."
        f"{part(claims_of(project.issuer, 'admin'))}"
    )

    for material in formats:
        mac = hmac.new(material, signed.encode(), hashlib.sha256).digest()
        token = f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
        with pytest.raises(InvalidToken):
            tokens.verify(token)


def test_a_secret_among_the_public_keys_signs_nothing(project: Project) -> None:
    shown = {"kty": "oct", "kid": "leaked", "k": part("x" * 40), "use": "sig"}
    project.only_answer = Reply(
        body={"keys": [shown, {**shown, "kid": "named", "alg": "HS256"}, {"kty": "odd"}, "odd"]}
    )
    tokens = tokens_of(project)

    for kid in ("leaked", "named"):
        header = {"kid": kid}
        for token in (
            jwt.encode(claims_of(project.issuer, "admin"), "x" * 40, "HS256", headers=header),
            SigningKey(kid=kid).sign(claims_of(project.issuer, "admin")),
        ):
            with pytest.raises(InvalidToken):
                tokens.verify(token)


def test_a_key_for_another_algorithm_does_not_verify(project: Project, tokens: UserTokens) -> None:
    project.signing_keys.append(SigningKey.rsa("rsa"))
    confused = project.signing_keys[0].sign(claims_of(project.issuer, "admin"), kid="rsa")

    with pytest.raises(InvalidToken):
        tokens.verify(confused)


def test_the_keys_of_the_data_api_are_no_users(project: Project) -> None:
    tokens = tokens_of(project, secret=project.jwt_secret)

    for key in (project.legacy_key("anon"), project.legacy_key("service_role")):
        with pytest.raises(InvalidToken, match="lacks"):
            tokens.verify(key)
    for key in (project.publishable_key, project.secret_key):
        with pytest.raises(InvalidToken, match="cannot be read"):
            tokens.verify(key)


def test_without_a_project_there_are_no_user_tokens(project: Project) -> None:
    tokens = UserTokens(Settings(SUPABASE_URL=None, SUPABASE_JWT_SECRET=SecretStr("s" * 40)))

    with pytest.raises(Unauthenticated, match="SUPABASE_URL"):
        tokens.verify(project.token("viewer"))


def test_no_error_shows_anything_of_the_token(project: Project, tokens: UserTokens) -> None:
    for changes, _ in REFUSED.values():
        token = project.token("admin", **changes)
        with pytest.raises(InvalidToken) as refused:
            tokens.verify(token)
        shown = f"{refused.value!r} {refused.value} {refused.value.__cause__!r}"
        assert not any(piece in shown for piece in token.split("."))


def test_a_user_shows_no_token(project: Project, tokens: UserTokens) -> None:
    user = tokens.verify(project.token("viewer"))

    assert user.token not in repr(user)
    assert user.token not in str(user)


# The project's keys -------------------------------------------------------------------------


def test_the_keys_are_fetched_once_for_many_tokens(project: Project, tokens: UserTokens) -> None:
    with ThreadPoolExecutor(8) as pool:
        names = [f"{number}@example.org" for number in range(32)]
        users = list(pool.map(lambda n: tokens.verify(project.token("viewer", email=n)), names))

    assert [user.name for user in users] == names
    assert key_requests(project) == 1


def test_invented_key_ids_do_not_make_us_ask_again_and_again(
    project: Project, tokens: UserTokens
) -> None:
    tokens.verify(project.token("viewer"))
    for number in range(20):
        forged = SigningKey(kid=f"forged-{number}", private=project.signing_keys[0].private)
        with pytest.raises(InvalidToken, match="not this project's"):
            tokens.verify(forged.sign(claims_of(project.issuer, "admin")))

    assert key_requests(project) == 1


def test_a_new_key_is_found_after_the_pause(
    project: Project, tokens: UserTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_keys, "_PAUSE_S", 0.2)
    tokens.verify(project.token("viewer"))
    project.signing_keys.insert(0, SigningKey(kid="second"))
    rotated = project.token("operator")

    with pytest.raises(InvalidToken):
        tokens.verify(rotated)
    time.sleep(0.25)

    assert tokens.verify(rotated).role is Role.OPERATOR
    assert key_requests(project) == 2


def test_known_keys_serve_while_the_project_is_away(
    project: Project, tokens: UserTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens.verify(project.token("viewer"))
    monkeypatch.setattr(signing_keys, "_FRESH_S", 0.0)
    monkeypatch.setattr(tokens._keys, "_next_fetch_at", 0.0)
    project.only_answer = Reply(status=502, text="<h1>Bad gateway</h1>")

    for number in range(5):
        assert tokens.verify(project.token("viewer", email=f"{number}")).role is Role.VIEWER

    assert key_requests(project) == 2  # once more, and then no more for a while
    monkeypatch.setattr(signing_keys, "_USABLE_S", 0.0)
    with pytest.raises(SigningKeysUnavailable):
        tokens.verify(project.token("viewer", email="much later"))


def test_nobody_waits_for_another_tokens_fetch(
    project: Project, tokens: UserTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens.verify(project.token("viewer"))
    monkeypatch.setattr(signing_keys, "_FRESH_S", 0.0)
    monkeypatch.setattr(tokens._keys, "_next_fetch_at", 0.0)
    project.delay_s = 1.0

    def seconds(number: int) -> float:
        token = project.token("viewer", email=f"{number}")
        started = time.monotonic()
        tokens.verify(token)
        return time.monotonic() - started

    with ThreadPoolExecutor(4) as pool:
        waited = sorted(pool.map(seconds, range(4)))

    assert waited[-1] >= 1.0  # the one who fetched
    assert waited[-2] < 0.8


@pytest.mark.parametrize(
    "answer",
    [
        Reply(status=503, text=""),
        Reply(text="<html>"),
        Reply(body=[]),
        Reply(body={"message": "hello"}),
        Reply(body={"keys": ["odd"]}),
        Reply(status=302, text=""),
    ],
)
def test_keys_that_cannot_be_had_are_no_callers_fault(
    project: Project, tokens: UserTokens, answer: Reply
) -> None:
    token = project.token("viewer")
    project.only_answer = answer

    with pytest.raises(SigningKeysUnavailable, match="SUPABASE_URL") as away:
        tokens.verify(token)

    assert (away.value.status, away.value.transient) == (503, True)


def test_a_project_without_public_keys_is_no_outage(project: Project, tokens: UserTokens) -> None:
    token = project.token("viewer")
    project.signing_keys.clear()

    with pytest.raises(InvalidToken, match="not this project's"):
        tokens.verify(token)


# Remembering --------------------------------------------------------------------------------


def test_a_verified_token_is_remembered_until_it_expires(
    project: Project, tokens: UserTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    token = project.token("viewer", exp=int(now) + 5)
    user = tokens.verify(token)
    assert tokens.verify(token) is user

    monkeypatch.setattr(time, "time", lambda: now + 20)

    assert tokens._recall(next(iter(tokens._remembered))) is None


def test_no_more_than_a_thousand_are_remembered(
    project: Project, tokens: UserTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.web.tokens._REMEMBERED", 3)

    for number in range(8):
        tokens.verify(project.token("viewer", email=f"{number}"))

    assert len(tokens._remembered) == 3
