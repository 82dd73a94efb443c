"""Sessions: one sealed cookie, which lasts no longer than the credential in it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.cookies import SimpleCookie
from typing import Any

import pytest
from flask import Request, Response
from pydantic import SecretStr, ValidationError
from werkzeug.test import EnvironBuilder

from core.database import PostgresDatabase
from core.domain import Actor, Role
from core.errors import ConfigurationError, Forbidden, SignInRefused, SignInUnavailable
from core.keys import hash_key, make_key
from core.queue import Doorbell
from core.settings import Settings, get_settings
from core.store import Store
from core.supabase.sign_in import Tokens
from core.web.key_cache import KeyCache
from core.web.rate_limits import FailedAttempts, RateLimits
from core.web.services import Services
from core.web.shared_state import SharedState
from core.web.slots import WaitingSlots
from core.web.tokens import UserTokens
from functions.dashboard.cross_site import is_arriving, local_page
from functions.dashboard.csrf import form_token, require_csrf, require_form_token
from functions.dashboard.sessions import (
    COOKIE,
    Session,
    begin_key_session,
    begin_user_session,
    clear_session,
    read_session,
    write_session,
)
from tests.supabase.auth_api import make_user
from tests.supabase.project import Project, running_project
from tests.supabase.wire import Reply

SECRET = "a secret of the tests that is long enough"
OTHER = "another secret that is long enough too"


@pytest.fixture
def project(database_url: str) -> Iterator[Project]:
    with running_project(database_url) as project:
        user = make_user("ada@example.org", ml_role="viewer") | {"password": "correct horse"}
        project.users[user["id"]] = user
        yield project


@pytest.fixture
def services(database_url: str, redis_url: str, project: Project) -> Iterator[Services]:
    with services_with(database_url, redis_url, project) as services:
        yield services


@contextmanager
def services_with(
    database_url: str, redis_url: str, project: Project, secret: str | None = SECRET
) -> Iterator[Services]:
    settings = Settings(
        SUPABASE_URL=project.address,
        SUPABASE_PUBLISHABLE_KEY=SecretStr(project.publishable_key),
        REFIT_SESSION_SECRET=None if secret is None else SecretStr(secret),
    )
    database = PostgresDatabase(database_url)
    shared = SharedState(redis_url, "sessions")
    services = Services(
        settings=settings,
        database=database,
        tokens=UserTokens(settings),
        # A revoked key is taken for no moment longer, so that a test need not wait.
        keys=KeyCache(Store(database).find_standing_key, found_s=0, missed_s=0),
        failures=FailedAttempts("1000/minute"),
        shared=shared,
        limits=RateLimits(settings, shared),
        doorbell=Doorbell(redis_url),
        waiting=WaitingSlots(4),
    )
    yield services
    services.close()


def request_of(
    cookies: dict[str, str] | None = None, *, https: bool = False, **options: Any
) -> Request:
    headers = dict(options.pop("headers", {}))
    if https:
        headers["X-Forwarded-Proto"] = "https"
    if cookies:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    options = {"path": "/en/ml-training", "base_url": "http://refit.example"} | options
    return Request(EnvironBuilder(headers=headers, **options).get_environ())


def written(session: Session, request: Request) -> Any:
    """The cookie that a response sets, with its attributes."""
    response = Response()
    write_session(response, request, session)
    (morsel,) = SimpleCookie(response.headers["Set-Cookie"]).values()
    return morsel


def signed_in(services: Services) -> tuple[str, Session]:
    """A standing key, and the session of whoever holds it."""
    key = make_key()
    Store(services.database).create_api_key(
        name=f"key {key[-6:]}", role=Role.OPERATOR, key_hash=hash_key(key)
    )
    actor = services.keys.find(hash_key(key))
    assert actor is not None
    return key, begin_key_session(services, key, actor)


def sealed_by(session: Session) -> str:
    assert session.sealed is not None
    return session.sealed


def user_tokens(project: Project, *, lasts_s: int = 3600) -> Tokens:
    """The tokens of Ada, who signed in with her password."""
    from core.supabase.sign_in import SignIn

    project.sign_in.token_lasts_s = lasts_s
    settings = Settings(
        SUPABASE_URL=project.address,
        SUPABASE_PUBLISHABLE_KEY=SecretStr(project.publishable_key),
    )
    return SignIn(settings).with_password("ada@example.org", "correct horse")


def renewals(project: Project) -> int:
    return sum("grant_type=refresh_token" in request.path for request in project.requests)


# The cookie ---------------------------------------------------------------------------------


def test_a_session_comes_back_with_its_caller_and_token(services: Services) -> None:
    key, begun = signed_in(services)

    read = read_session(request_of({"refit": sealed_by(begun)}), services)

    assert read is not None
    assert isinstance(read.caller, Actor)
    assert (read.caller, read.csrf, read.key) == (begun.caller, begun.csrf, key)
    assert begun.renewed
    assert not read.renewed


def test_no_script_and_no_other_site_gets_the_cookie(services: Services) -> None:
    _, session = signed_in(services)

    plain = written(session, request_of())
    secure = written(session, request_of(https=True))

    assert (plain.key, plain["secure"]) == ("refit", "")
    assert (secure.key, secure["secure"]) == ("__Host-refit", True)
    for cookie in (plain, secure):
        assert cookie["httponly"] is True
        assert cookie["samesite"] == "Strict"
        assert cookie["path"] == "/"
        assert cookie["domain"] == ""
        assert int(cookie["max-age"]) == pytest.approx(12 * 3600, abs=5)


def test_an_encrypted_connection_takes_the_protected_name_alone(services: Services) -> None:
    _, session = signed_in(services)
    sealed = sealed_by(session)

    assert read_session(request_of({"__Host-refit": sealed}, https=True), services) is not None
    assert read_session(request_of({"refit": sealed}, https=True), services) is None


def test_the_cookie_shows_nothing_of_what_it_holds(services: Services) -> None:
    key, session = signed_in(services)

    assert key not in sealed_by(session)
    assert session.csrf not in sealed_by(session)
    for secret in (key, session.csrf, sealed_by(session)):
        assert secret not in repr(session)


def test_a_cookie_that_was_changed_anywhere_is_nobodys(services: Services) -> None:
    _, session = signed_in(services)
    sealed = sealed_by(session)

    for place in range(0, len(sealed) - 2, 7):
        other = "A" if sealed[place] != "A" else "B"
        changed = sealed[:place] + other + sealed[place + 1 :]
        assert read_session(request_of({"refit": changed}), services) is None, place
    for strange in ("", "x", "gAAAAA", sealed[:-5], sealed * 2):
        assert read_session(request_of({"refit": strange}), services) is None, strange


def test_a_cookie_made_for_something_else_is_no_session(services: Services) -> None:
    _, cookie = form_token(request_of(), services.settings)
    assert cookie is not None

    assert read_session(request_of({"refit": cookie["value"]}), services) is None


def test_a_session_outlives_a_change_of_the_secret(
    database_url: str, redis_url: str, project: Project, services: Services
) -> None:
    _, session = signed_in(services)
    request = request_of({"refit": sealed_by(session)})

    with services_with(database_url, redis_url, project, f"{OTHER}, {SECRET}") as changed:
        assert read_session(request, changed) is not None
        _, new = signed_in(changed)
    with services_with(database_url, redis_url, project, OTHER) as changed:
        assert read_session(request, changed) is None
        assert read_session(request_of({"refit": sealed_by(new)}), changed) is not None


def test_without_a_secret_nobody_is_signed_in_and_the_variable_is_named(
    database_url: str, redis_url: str, project: Project, services: Services
) -> None:
    key, session = signed_in(services)

    with services_with(database_url, redis_url, project, None) as without:
        assert read_session(request_of({"refit": sealed_by(session)}), without) is None
        with pytest.raises(ConfigurationError, match="REFIT_SESSION_SECRET is not set"):
            begin_key_session(without, key, session.caller)


@pytest.mark.parametrize("secret", ["short", f"{SECRET},short", f"{SECRET},"])
def test_a_secret_that_can_be_guessed_is_refused(secret: str) -> None:
    with pytest.raises(ValidationError, match="32 characters or more"):
        Settings(REFIT_SESSION_SECRET=SecretStr(secret))


def test_signing_out_takes_the_cookie_from_a_browser_that_sent_it() -> None:
    with_cookie, without = Response(), Response()

    clear_session(with_cookie, request_of({"refit": "sealed"}))
    clear_session(without, request_of())

    assert "Max-Age=0" in with_cookie.headers["Set-Cookie"]
    # The link of another site does not bring the cookie, and must not cost it.
    assert "Set-Cookie" not in without.headers


# Its end ------------------------------------------------------------------------------------


def test_a_revoked_key_ends_its_session(services: Services) -> None:
    _, session = signed_in(services)
    request = request_of({"refit": sealed_by(session)})
    assert read_session(request, services) is not None

    Store(services.database).revoke_api_key(session.caller.name)

    assert read_session(request, services) is None


def test_a_session_ends_after_its_time_though_its_key_stands(services: Services) -> None:
    key, session = signed_in(services)
    content = {"kind": "key", "key": key, "csrf": session.csrf}
    over = COOKIE.seal(services.settings, content, expires=time.time() - 1)

    assert read_session(request_of({"refit": over}), services) is None


def test_a_users_session_is_theirs(services: Services, project: Project) -> None:
    session = begin_user_session(services, user_tokens(project))

    read = read_session(request_of({"refit": sealed_by(session)}), services)

    assert read is not None
    assert (read.caller.name, read.caller.role) == ("ada@example.org", Role.VIEWER)
    assert not read.renewed
    assert renewals(project) == 0
    cookie = written(session, request_of())
    assert int(cookie["max-age"]) == pytest.approx(7 * 24 * 3600, abs=5)


@pytest.mark.parametrize("lasts_s", [-60, 30])
def test_a_token_that_expires_is_renewed_and_the_session_goes_on(
    services: Services, project: Project, lasts_s: int
) -> None:
    request = request_of({"refit": old_session(services, project, lasts_s)})

    read = read_session(request, services)

    assert read is not None
    assert read.renewed
    assert (read.caller.name, read.csrf) == ("ada@example.org", "the csrf token")
    # It still ends when it was to end.
    assert read.expires == pytest.approx(time.time() + 1000, abs=5)
    again = read_session(request_of({"refit": sealed_by(read)}), services)
    assert again is not None
    assert not again.renewed


def test_requests_that_come_together_renew_once(services: Services, project: Project) -> None:
    project.delay_s = 0.1
    request = {"refit": old_session(services, project, -60)}

    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda _: read_session(request_of(request), services), range(8)))

    assert all(session is not None and session.renewed for session in read)
    assert renewals(project) == 1


def test_a_session_that_ended_in_supabase_is_over(services: Services, project: Project) -> None:
    request = request_of({"refit": old_session(services, project, 30)})
    project.sign_in.sessions.clear()

    assert read_session(request, services) is None


def test_while_supabase_is_away_a_standing_token_serves(
    services: Services, project: Project
) -> None:
    request = request_of({"refit": old_session(services, project, 30)})
    project.only_answer = Reply(status=503, text="away")

    read = read_session(request, services)

    assert read is not None
    assert not read.renewed


def test_while_supabase_is_away_an_expired_token_ends_nothing(
    services: Services, project: Project
) -> None:
    request = request_of({"refit": old_session(services, project, -60)})
    project.only_answer = Reply(status=503, text="away")

    with pytest.raises(SignInUnavailable, match="does not answer"):
        read_session(request, services)
    project.only_answer = None
    assert read_session(request, services) is not None


def old_session(services: Services, project: Project, lasts_s: int) -> str:
    """The cookie of a session of Ada's whose token lasts so long; that of the next one an hour."""
    tokens = user_tokens(project, lasts_s=lasts_s)
    project.sign_in.token_lasts_s = 3600
    # The keys that the next token is verified with are known.
    services.tokens.verify(project.token("viewer"))
    content = {
        "kind": "user",
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "token_expires": int(time.time()) + lasts_s,
        "csrf": "the csrf token",
    }
    return COOKIE.seal(services.settings, content, expires=time.time() + 1000)


def test_tokens_that_no_cookie_can_hold_are_refused_in_a_sentence(
    services: Services, project: Project
) -> None:
    (user,) = project.users.values()
    user["user_metadata"] = {"notes": [f"{number * 7919:x}" for number in range(500)]}

    with pytest.raises(SignInRefused, match="makes a cookie of .* bytes") as refused:
        begin_user_session(services, user_tokens(project))

    assert refused.value.reason == "too_large"
    assert "user_metadata" in str(refused.value.hint)


def test_the_tokens_of_a_usual_user_leave_room_in_the_cookie(
    services: Services, project: Project
) -> None:
    (user,) = project.users.values()
    user["user_metadata"] = {
        "email": "ada@example.org",
        "email_verified": True,
        "full_name": "Ada Lovelace",
        "avatar_url": "https://images.example.org/avatars/ada.png",
        "phone_verified": False,
    }

    session = begin_user_session(services, user_tokens(project))

    assert len(sealed_by(session)) < 2500


# Forms --------------------------------------------------------------------------------------


def form_request(token: str | None, **headers: str) -> Request:
    return request_of(method="POST", data={} if token is None else {"csrf": token}, headers=headers)


SESSION = Session(
    caller=Actor(kind="key", id="1", name="n8n", role=Role.VIEWER), csrf="the session's token"
)


def test_a_form_of_our_own_page_is_taken() -> None:
    require_csrf(form_request(SESSION.csrf), SESSION)
    require_csrf(form_request(None, **{"X-CSRF-Token": SESSION.csrf}), SESSION)
    own = {"Origin": "http://refit.example", "Sec-Fetch-Site": "same-origin"}
    require_csrf(form_request(SESSION.csrf, **own), SESSION)
    # Our pages ask for no referrer: then a browser says null.
    require_csrf(form_request(SESSION.csrf, Origin="null"), SESSION)


@pytest.mark.parametrize("token", [None, "", "the session's token ", "another", "schlüssel"])
def test_a_form_without_this_sessions_token_is_refused(token: str | None) -> None:
    with pytest.raises(Forbidden, match="token is missing or not that of this session"):
        require_csrf(form_request(token), SESSION)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "https://refit.example"},
        {"Origin": "http://refit.example:8080"},
        {"Origin": "http://refit.example.evil.example"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.example"},
    ],
)
def test_another_sites_form_is_refused_whatever_its_token(headers: dict[str, str]) -> None:
    with pytest.raises(Forbidden, match="another site's page"):
        require_csrf(form_request(SESSION.csrf, **headers), SESSION)


def test_behind_a_proxy_the_public_address_is_ours_too(monkeypatch: pytest.MonkeyPatch) -> None:
    get_settings.cache_clear()
    monkeypatch.setenv("DASHBOARD_URL", "https://ml.example.org/")
    try:
        require_csrf(form_request(SESSION.csrf, Origin="https://ml.example.org"), SESSION)
    finally:
        get_settings.cache_clear()


def test_before_signing_in_a_form_has_a_token_of_its_browsers_own() -> None:
    settings = Settings(REFIT_SESSION_SECRET=SecretStr(SECRET))
    token, cookie = form_token(request_of(), settings)
    assert cookie is not None
    assert cookie["samesite"] == "Strict"
    held = {"refit-form": cookie["value"]}
    browser = {"Origin": "http://refit.example", "Sec-Fetch-Site": "same-origin"}

    def post(given: str, cookies: dict[str, str], **headers: str) -> None:
        request = request_of(cookies, method="POST", data={"csrf": given}, headers=headers)
        require_form_token(request, settings)

    post(token, held, **browser)
    # A second page that is open holds the same token.
    assert form_token(request_of(held), settings) == (token, None)
    for given, cookies in ((token, {}), ("another", held), (token, {"refit-form": "x"})):
        with pytest.raises(Forbidden):
            post(given, cookies, **browser)
    with pytest.raises(Forbidden, match="another site"):
        post(token, held, Origin="http://evil.example")


def test_a_program_signs_in_without_a_page() -> None:
    settings = Settings(REFIT_SESSION_SECRET=SecretStr(SECRET))

    require_form_token(request_of(method="POST", data={"key": "rft_"}), settings)


# Where people come from and go to -----------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "/en/ml-training",
        "/nl/ml-training/",
        "/en/ml-training/jobs?status=failed&cursor=a%2Fb",
        "/en/ml-training/model-types/churn#deployments",
    ],
)
def test_a_page_of_ours_is_come_back_to(address: str) -> None:
    assert local_page(address) == address


@pytest.mark.parametrize(
    "address",
    [
        *(None, "", "//evil.example", "///evil.example/en/ml-training", "/\\evil.example"),
        *("https://evil.example/en/ml-training", "javascript:alert(1)", "evil.example"),
        *("/en/ml-training//evil.example", "/en/ml-training/../../evil", "/en/ml-training/%2e%2e"),
        *("/en/ml-training/%2f%2fevil.example", "/en/ml-training/%5cevil", "/en/ml-training\\x"),
        *("/en/ml-training/%255c", "/en/ml-training/a\r\nSet-Cookie: a=b", "/en/ml-training/%0d"),
        *(" /en/ml-training", "/en/ml-training.evil.example", "/fr/ml-training", "/api/workflows"),
        *("/en/ml-training@evil.example", "/%2fevil.example/en/ml-training", "/en/ml-training/é"),
        "/en/ml-training/" + 2000 * "a",
        # Where to go to sign in or out is no page to come back to: a link would sign in another.
        *(
            "/en/ml-training/sign-in/link?token=x",
            "/nl/ml-training/sign-in",
            "/en/ml-training/sign-out",
        ),
    ],
)
def test_nobody_is_led_elsewhere(address: str | None) -> None:
    assert local_page(address) is None


CLICK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}


def test_a_click_on_another_site_is_asked_to_come_again_once() -> None:
    assert is_arriving(request_of(headers=CLICK))
    assert not is_arriving(request_of(headers=CLICK, query_string="arriving=1"))


@pytest.mark.parametrize(
    ("cookies", "options"),
    [
        ({"refit": "sealed"}, {"headers": CLICK}),
        ({}, {"headers": CLICK, "method": "POST"}),
        ({}, {"headers": CLICK | {"Sec-Fetch-Site": "none"}}),
        ({}, {"headers": CLICK | {"Sec-Fetch-Site": "same-origin"}}),
        ({}, {"headers": CLICK | {"Sec-Fetch-Mode": "no-cors"}}),
        ({}, {}),
    ],
)
def test_whoever_else_comes_is_not(cookies: dict[str, str], options: dict[str, Any]) -> None:
    assert not is_arriving(request_of(cookies, **options))
