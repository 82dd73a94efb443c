"""Signing in with the auth server (a stand-in), and one-time links through the Data API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from core.database import SupabaseDatabase
from core.domain import Role
from core.errors import (
    ConfigurationError,
    InvalidRequest,
    SignInLinkNotValid,
    SignInRefused,
    SignInUnavailable,
    TooManyRequests,
)
from core.keys import hash_key, make_key
from core.settings import Settings
from core.store import Store
from core.supabase.sign_in import SignIn, may_sign_in
from core.web.tokens import UserTokens
from tests.supabase.auth_api import make_user
from tests.supabase.project import Project, running_project
from tests.supabase.wire import Reply

NO_DATABASE = "postgresql://127.0.0.1:9/none"
ADA = "ada@example.org"
HERE = "https://ml.example.org/en/ml-training/sign-in/confirm"


@pytest.fixture
def auth() -> Iterator[Project]:
    """Only the auth server is asked here."""
    with running_project(NO_DATABASE) as project:
        user = make_user(ADA, ml_role="operator") | {"password": "correct horse"}
        project.users[user["id"]] = user
        yield project


def settings_of(project: Project, **changes: object) -> Settings:
    given = {
        "SUPABASE_URL": project.address,
        "SUPABASE_PUBLISHABLE_KEY": SecretStr(project.publishable_key),
    }
    return Settings(**(given | changes))  # type: ignore[arg-type]


@pytest.fixture
def sign_in(auth: Project) -> SignIn:
    return SignIn(settings_of(auth))


def code_of(project: Project) -> str:
    return project.sign_in.mails[-1].link.partition("code=")[2]


def test_a_password_gives_tokens_that_are_accepted_here(auth: Project, sign_in: SignIn) -> None:
    tokens = sign_in.with_password(ADA, "correct horse")

    user = UserTokens(settings_of(auth)).verify(tokens.access_token)
    assert (user.name, user.role) == (ADA, Role.OPERATOR)
    assert tokens.access_token not in repr(tokens)
    assert tokens.refresh_token not in repr(tokens)


def test_only_the_publishable_key_is_sent(auth: Project, sign_in: SignIn) -> None:
    sign_in.with_password(ADA, "correct horse")
    sign_in.send_link(ADA, HERE)

    assert {request.headers["apikey"] for request in auth.requests} == {auth.publishable_key}


@pytest.mark.parametrize(("email", "password"), [(ADA, "wrong"), ("x@example.org", "x"), (ADA, "")])
def test_wrong_ones_are_refused(sign_in: SignIn, email: str, password: str) -> None:
    with pytest.raises(SignInRefused) as refused:
        sign_in.with_password(email, password)

    assert refused.value.reason == "invalid_credentials"


def test_a_code_serves_once_and_with_its_own_verifier(auth: Project, sign_in: SignIn) -> None:
    verifier = sign_in.send_link(ADA, HERE)
    code = code_of(auth)
    another = sign_in.send_link(ADA, HERE)
    assert auth.sign_in.mails[0].link.startswith(f"{HERE}?code=")

    for wrong in (another, "x" * 64):
        with pytest.raises(SignInRefused) as refused:
            sign_in.with_code(code, wrong)
        assert refused.value.reason == "link_over"
    tokens = sign_in.with_code(code, verifier)
    with pytest.raises(SignInRefused):
        sign_in.with_code(code, verifier)

    assert UserTokens(settings_of(auth)).verify(tokens.access_token).name == ADA


def test_nobody_is_signed_up_by_asking_for_a_link(auth: Project, sign_in: SignIn) -> None:
    assert len(sign_in.send_link("nobody@example.org", HERE)) >= 43

    assert auth.sign_in.mails == []
    assert len(auth.users) == 1


def test_tokens_are_renewed_once_each(auth: Project, sign_in: SignIn) -> None:
    first = sign_in.with_password(ADA, "correct horse")

    second = sign_in.renew(first.refresh_token)

    assert UserTokens(settings_of(auth)).verify(second.access_token).name == ADA
    with pytest.raises(SignInRefused) as refused:
        sign_in.renew(first.refresh_token)
    assert refused.value.reason == "session_over"
    assert sign_in.renew(second.refresh_token).access_token


def test_signing_out_ends_one_session(auth: Project, sign_in: SignIn) -> None:
    here = sign_in.with_password(ADA, "correct horse")
    there = sign_in.with_password(ADA, "correct horse")

    sign_in.sign_out(here.access_token)

    with pytest.raises(SignInRefused):
        sign_in.renew(here.refresh_token)
    assert sign_in.renew(there.refresh_token).access_token
    with pytest.raises(SignInRefused):
        sign_in.sign_out(here.access_token)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(status=429, body={"code": 429, "msg": "slow"}), TooManyRequests),
        (Reply(status=500, body={"code": 500, "msg": "oh"}), SignInUnavailable),
        (Reply(status=503, text="away"), SignInUnavailable),
        (Reply(status=200, text="<html>"), SignInUnavailable),
        (Reply(status=200, body=[]), SignInUnavailable),
        (Reply(status=401, body={"message": "Invalid API key"}), ConfigurationError),
        (
            Reply(status=400, body={"code": 400, "error_code": "email_provider_disabled"}),
            ConfigurationError,
        ),
    ],
)
def test_faults_are_named(
    auth: Project, sign_in: SignIn, reply: Reply, error: type[Exception]
) -> None:
    auth.only_answer = reply

    with pytest.raises(error):
        sign_in.with_password(ADA, "correct horse")
    with pytest.raises(error):
        sign_in.renew("token")


def test_a_project_that_is_not_there_is_said(auth: Project) -> None:
    away = SignIn(settings_of(auth, SUPABASE_URL="http://127.0.0.1:9"))

    with pytest.raises(SignInUnavailable):
        away.with_password(ADA, "correct horse")
    with pytest.raises(SignInUnavailable):
        away.send_link(ADA, HERE)


def test_what_cannot_be_sent_is_refused(sign_in: SignIn) -> None:
    with pytest.raises((InvalidRequest, SignInRefused)):
        sign_in.with_password(ADA, "\ud800")


@pytest.mark.parametrize("missing", ["SUPABASE_URL", "SUPABASE_PUBLISHABLE_KEY"])
def test_a_missing_variable_is_named(auth: Project, missing: str) -> None:
    settings = settings_of(auth, **{missing: None})

    assert not may_sign_in(settings)
    with pytest.raises(ConfigurationError, match=missing):
        SignIn(settings)


def test_an_address_that_is_none_is_named(auth: Project) -> None:
    with pytest.raises(ConfigurationError, match="SUPABASE_URL is no address"):
        SignIn(settings_of(auth, SUPABASE_URL="nonsense")).with_password(ADA, "x")


def test_a_printed_link_works_through_the_data_api(data_api: SupabaseDatabase) -> None:
    store, key = Store(data_api), make_key()
    soon = datetime.now(UTC) + timedelta(hours=1)
    store.create_sign_in_link(
        token_hash=hash_key("token"), name="ada on desk", role=Role.VIEWER, expires_at=soon
    )

    def redeem() -> Role:
        actor = store.redeem_sign_in_link(
            hash_key("token"), key_name="session", key_hash=hash_key(key), key_expires_at=soon
        )
        return actor.role

    assert redeem() is Role.VIEWER
    with pytest.raises(SignInLinkNotValid, match="opened before"):
        redeem()
    assert store.revoke_session_key(hash_key(key)) is True
    assert store.revoke_session_key(hash_key(key)) is False
