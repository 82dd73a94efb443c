"""Signing in and out over HTTP, as a browser without JavaScript does it.

The Supabase project is a stand-in: see ``tests.supabase.project``.
"""

from __future__ import annotations

import re
import stat
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import psycopg
import pytest
from pydantic import SecretStr

from core.cli.home_secrets import SESSION_FILE, session_environ
from core.cli.sign_in_link import make_link
from core.database import PostgresDatabase
from core.domain import Role
from core.keys import hash_key, make_key
from core.settings import Settings
from core.store import LOCAL_ADMIN, Store
from functions.dashboard.sessions import COOKIE
from tests.conftest import temporary_database, with_database
from tests.functions.served import Server, serving
from tests.supabase.auth_api import make_user
from tests.supabase.project import Project, running_project
from tests.supabase.wire import Reply

SESSION_SECRET = "a secret of the tests that is long enough"
PASSWORD = "correct horse battery staple"
ADA, NOBODY = "ada@example.org", "nobody@example.org"
HOME = "/en/ml-training"
SIGN_IN = f"{HOME}/sign-in"
# What a browser says of a form of our own page's.
OWN_PAGE = {"Sec-Fetch-Site": "same-origin", "Origin": "null"}


@pytest.fixture(scope="module")
def database_address(
    postgres_url: str, postgres_admin: psycopg.Connection, template_database: str
) -> Iterator[str]:
    with temporary_database(postgres_admin, template=template_database) as name:
        yield with_database(postgres_url, name)


@pytest.fixture(scope="module")
def store(database_address: str) -> Iterator[Store]:
    database = PostgresDatabase(database_address)
    yield Store(database, actor=LOCAL_ADMIN)
    database.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sign-in")


@pytest.fixture(scope="module")
def variables(database_address: str, valkey_url: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database_address,
        "REDIS_URL": f"{valkey_url.rpartition('/')[0]}/0",
        "REFIT_SESSION_SECRET": SESSION_SECRET,
        "LOG_LEVEL": "DEBUG",
    }


@pytest.fixture(scope="module")
def local(folder: Path, variables: dict[str, str]) -> Iterator[Server]:
    """The functions as `refit up` has them: without Supabase."""
    with serving(folder, "main", **variables) as server:
        yield server


@pytest.fixture(scope="module")
def project(database_address: str) -> Iterator[Project]:
    with running_project(database_address) as project:
        yield project


@pytest.fixture(scope="module")
def cloud(folder: Path, variables: dict[str, str], project: Project) -> Iterator[Server]:
    """The functions beside a Supabase project."""
    supabase = {
        "SUPABASE_URL": project.address,
        "SUPABASE_PUBLISHABLE_KEY": project.publishable_key,
    }
    with serving(folder, "main", **variables, **supabase) as server:
        yield server


@pytest.fixture
def ada(project: Project) -> Iterator[dict[str, object]]:
    """A user without a role; the project is as it was afterwards."""
    user = make_user(ADA) | {"password": PASSWORD}
    project.users[user["id"]] = user
    yield user
    project.users.clear()
    project.sign_in.sessions.clear()
    project.sign_in.mails.clear()
    project.sign_in.token_lasts_s = 3600
    project.only_answer = None


@dataclass(frozen=True, kw_only=True)
class Browser:
    """Follows no redirect by itself, keeps cookies, posts the forms that it was shown."""

    http: httpx.Client

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.http.get(path, headers=headers)

    def post(self, path: str, page: str = SIGN_IN, **fields: str) -> httpx.Response:
        """Send a form as the one on a page of ours."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.get(page).text)
        assert found, page
        return self.http.post(path, data={"csrf": found[1], **fields}, headers=OWN_PAGE)

    def said(self, answer: httpx.Response) -> str:
        """What the page says on which an answer ends."""
        assert answer.status_code == 303, answer.text
        page = self.get(answer.headers["Location"])
        found = re.search(r'<div class="notice.*?<p>(.*?)</p>', page.text, re.DOTALL)
        return found[1] if found else ""

    @property
    def is_signed_in(self) -> bool:
        answer = self.get(HOME)
        return not answer.headers.get("Location", "").startswith(SIGN_IN)


@pytest.fixture
def browser_at() -> Iterator[Callable[[Server], Browser]]:
    opened: list[httpx.Client] = []

    def open_browser(server: Server) -> Browser:
        http = httpx.Client(base_url=server.address, timeout=30)
        opened.append(http)
        return Browser(http=http)

    yield open_browser
    for http in opened:
        http.close()


Open = Callable[[Server], Browser]


def new_key(store: Store, role: Role = Role.OPERATOR) -> str:
    key = make_key()
    store.create_api_key(name=f"key {key[-8:]}", role=role, key_hash=hash_key(key))
    return key


# The page -----------------------------------------------------------------------------------


def test_whoever_is_not_signed_in_is_led_to_sign_in_and_back(local: Server, store: Store) -> None:
    with httpx.Client(base_url=local.address) as http:
        browser = Browser(http=http)
        led = browser.get(f"{HOME}/jobs?status=failed").headers["Location"]
        assert urlsplit(led).path == SIGN_IN
        wished = parse_qs(urlsplit(led).query)["next"][0]

        answer = browser.post(f"{SIGN_IN}/key", page=led, key=new_key(store), next=wished)

        assert answer.status_code == 303
        assert answer.headers["Location"] == f"{HOME}/jobs?status=failed"
        assert browser.is_signed_in


def test_the_page_offers_what_there_is(local: Server, cloud: Server, browser_at: Open) -> None:
    here, there = browser_at(local).get(SIGN_IN).text, browser_at(cloud).get(SIGN_IN).text

    assert "refit dashboard" in here
    assert "sign-in/password" not in here
    assert "sign-in/password" in there
    assert "sign-in/magic-link" in there
    assert all("sign-in/key" in page for page in (here, there))
    assert "Aanmelden" in browser_at(cloud).get("/nl/ml-training/sign-in").text


def test_without_a_secret_the_page_names_the_variable(
    folder: Path, variables: dict[str, str], store: Store, browser_at: Open
) -> None:
    without = {name: value for name, value in variables.items() if "SESSION" not in name}
    with serving(folder, "main", **without) as server:
        browser = browser_at(server)
        page = browser.get(SIGN_IN)
        link = make_link(store, server.address, lasts=timedelta(hours=1))
        refused = browser.get(f"{SIGN_IN}/link?{urlsplit(link).query}")
        refused_key = browser.http.post(f"{SIGN_IN}/key", data={"key": new_key(store)})

    assert page.status_code == 503
    assert "REFIT_SESSION_SECRET" in page.text
    assert "<form" not in page.text.partition("<main")[2]
    assert refused.headers["Location"] == refused_key.headers["Location"] == SIGN_IN
    # The link can still be opened.
    actor = store.redeem_sign_in_link(
        hash_key(parse_qs(urlsplit(link).query)["token"][0]),
        key_name="later",
        key_hash=hash_key(make_key()),
        key_expires_at=datetime.now(UTC) + timedelta(hours=1),
    )
    assert actor.role is Role.ADMIN


# A machine key ------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.ADMIN])
def test_a_machine_key_signs_in(local: Server, store: Store, browser_at: Open, role: Role) -> None:
    browser = browser_at(local)

    answer = browser.post(f"{SIGN_IN}/key", key=f" {new_key(store, role)}\n")

    assert answer.headers["Location"] == HOME
    assert browser.is_signed_in
    # Who is signed in already has no need of the page.
    assert browser.get(SIGN_IN).headers["Location"] == HOME


def test_the_cookie_is_protected_as_the_connection_is(local: Server, store: Store) -> None:
    with httpx.Client(base_url=local.address) as http:
        data = {"key": new_key(store)}
        plain = http.post(f"{SIGN_IN}/key", data=data).headers["Set-Cookie"]
        secure = http.post(
            f"{SIGN_IN}/key", data=data, headers={"X-Forwarded-Proto": "https"}
        ).headers["Set-Cookie"]

    assert plain.startswith("refit=")
    assert secure.startswith("__Host-refit=")
    for cookie in (plain, secure):
        assert {"HttpOnly", "Path=/", "SameSite=Strict"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
    assert "Secure" in secure
    assert "Secure" not in plain


def test_a_schedulers_key_is_told_that_it_sees_no_pages(
    local: Server, store: Store, browser_at: Open
) -> None:
    browser = browser_at(local)

    answer = browser.post(f"{SIGN_IN}/key", key=new_key(store, Role.SCHEDULER))

    assert "may only run schedules" in browser.said(answer)
    assert not browser.is_signed_in


@pytest.mark.parametrize("key", ["", "nonsense", pytest.param(make_key(), id="of-nobody")])
def test_a_wrong_key_is_refused(local: Server, browser_at: Open, key: str) -> None:
    browser = browser_at(local)

    answer = browser.post(f"{SIGN_IN}/key", key=key)

    assert "unknown, has expired or was revoked" in browser.said(answer)
    assert not browser.is_signed_in


def test_a_revoked_key_is_nobodys_session(local: Server, store: Store, browser_at: Open) -> None:
    settings = Settings(REFIT_SESSION_SECRET=SecretStr(SESSION_SECRET))
    for revoked in (True, False):
        key = new_key(store)
        if revoked:
            store.revoke_api_key(f"key {key[-8:]}")
        content = {"kind": "key", "key": key, "csrf": "token"}
        browser = browser_at(local)
        sealed = COOKIE.seal(settings, content, expires=time.time() + 100)
        browser.http.cookies.set("refit", sealed, domain="127.0.0.1")

        assert browser.is_signed_in is not revoked


def test_a_form_from_elsewhere_signs_nobody_in(
    local: Server, store: Store, browser_at: Open
) -> None:
    browser = browser_at(local)
    key = new_key(store)
    browser.get(SIGN_IN)

    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": local.address, "Sec-Fetch-Site": "same-origin"},  # without the form's token
    ):
        answer = browser.http.post(f"{SIGN_IN}/key", data={"key": key}, headers=headers)
        assert answer.headers["Location"] == SIGN_IN
        assert not browser.is_signed_in


@pytest.mark.parametrize(
    "wished", ["//evil.example", "/\\evil.example", "https://evil.example/", "/en/ml-training/%5c"]
)
def test_nobody_is_led_elsewhere_after_signing_in(
    local: Server, store: Store, browser_at: Open, wished: str
) -> None:
    browser = browser_at(local)
    page = f"{SIGN_IN}?next={quote(wished, safe='')}"
    assert 'name="next" value=""' in browser.get(page).text

    answer = browser.post(f"{SIGN_IN}/key", page=page, key=new_key(store), next=wished)

    assert answer.headers["Location"] == HOME
    assert browser.get(page).headers["Location"] == HOME


# The link of `refit up` ---------------------------------------------------------------------


def link_to(store: Store, server: Server, lasts: timedelta = timedelta(hours=1)) -> str:
    link = make_link(store, server.address, lasts=lasts)
    return link.removeprefix(server.address)


def open_link(browser: Browser, link: str, **headers: str) -> httpx.Response:
    """Open it in English; the link itself goes by the browser's language."""
    led = browser.get(link, **{"Accept-Language": "en"}).headers["Location"]
    return browser.get(led, **headers)


def test_a_link_signs_in_once_and_leaves_the_address_bar(
    local: Server, store: Store, browser_at: Open
) -> None:
    browser, other = browser_at(local), browser_at(local)
    link = link_to(store, local)

    opened = open_link(browser, link, **{"Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document"})

    assert opened.status_code == 303
    assert opened.headers["Location"] == HOME
    assert opened.headers["Referrer-Policy"] == "no-referrer"
    assert opened.headers["Cache-Control"] == "no-store"
    assert browser.is_signed_in
    assert "opened before, has expired" in other.said(open_link(other, link))
    assert not other.is_signed_in


def test_a_used_link_leads_whoever_is_signed_in_to_the_overview(
    local: Server, store: Store, browser_at: Open
) -> None:
    browser = browser_at(local)
    link = link_to(store, local)
    open_link(browser, link)

    again = open_link(browser, link)

    assert again.headers["Location"] == HOME
    assert 'role="alert"' not in browser.get(HOME).text
    assert browser.is_signed_in


def test_refused_sign_ins_are_on_record(local: Server, store: Store, browser_at: Open) -> None:
    browser = browser_at(local)
    link = link_to(store, local)
    open_link(browser_at(local), link)
    key = make_key()

    open_link(browser, link)
    browser.post(f"{SIGN_IN}/key", key=key)

    rows = store.list_audit_logs(action="request.refused", limit=2)["items"]
    assert [row["entity_id"] for row in rows] == ["sign_in/key", "sign_in/link"]
    assert [row["actor"]["kind"] for row in rows] == ["unknown", "unknown"]
    assert [row["detail"]["status"] for row in rows] == [401, 401]
    assert key not in str(rows)


def test_one_of_many_that_open_a_link_at_once_is_signed_in(
    local: Server, store: Store, browser_at: Open
) -> None:
    browsers = [browser_at(local) for _ in range(6)]
    link = link_to(store, local)

    with ThreadPoolExecutor(len(browsers)) as pool:
        list(pool.map(lambda browser: open_link(browser, link), browsers))

    assert sum(browser.is_signed_in for browser in browsers) == 1


@pytest.mark.parametrize("token", ["", "never-made", "x" * 5000])
def test_what_was_never_a_link_signs_nobody_in(local: Server, browser_at: Open, token: str) -> None:
    browser = browser_at(local)

    assert "never made here" in browser.said(browser.get(f"{SIGN_IN}/link?token={token}"))


def test_an_expired_link_signs_nobody_in(local: Server, store: Store, browser_at: Open) -> None:
    browser = browser_at(local)
    link = link_to(store, local, timedelta(seconds=-1))

    assert "has expired" in browser.said(open_link(browser, link))


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
        {"Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_what_a_browser_does_by_itself_uses_no_link_up(
    local: Server, store: Store, browser_at: Open, headers: dict[str, str]
) -> None:
    browser = browser_at(local)
    link = link_to(store, local)

    shown = open_link(browser, link, **headers)

    assert shown.status_code == 200
    assert not browser.is_signed_in
    again = re.search(r'href="([^"]*/sign-in/link\?token=[^"]+)" rel="nofollow"', shown.text)
    assert again
    assert browser.get(again[1]).headers["Location"] == HOME
    assert browser.is_signed_in


def test_a_look_at_the_head_uses_no_link_up(local: Server, store: Store, browser_at: Open) -> None:
    browser = browser_at(local)
    path = link_to(store, local).replace("/ml-training", HOME, 1)

    assert browser.http.head(path).status_code == 200
    assert browser.get(path).headers["Location"] == HOME


# Signing out --------------------------------------------------------------------------------


def test_signing_out_ends_the_key_that_a_link_gave(
    local: Server, store: Store, browser_at: Open
) -> None:
    browser = browser_at(local)
    before = {key["name"] for key in store.list_api_keys()["items"]}
    open_link(browser, link_to(store, local))

    answer = browser.post(f"{HOME}/sign-out", page=HOME)

    assert browser.said(answer) == "You are signed out."
    assert "refit" not in browser.http.cookies
    assert not browser.is_signed_in
    (key,) = [key for key in store.list_api_keys()["items"] if key["name"] not in before]
    assert key["is_session"]
    assert key["revoked_at"] is not None


def test_signing_out_leaves_a_machine_key_alone(
    local: Server, store: Store, browser_at: Open
) -> None:
    browser = browser_at(local)
    key = new_key(store)
    browser.post(f"{SIGN_IN}/key", key=key)

    browser.post(f"{HOME}/sign-out", page=HOME)

    assert not browser.is_signed_in
    assert store.find_api_key(hash_key(key)) is not None


def test_another_site_signs_nobody_out(local: Server, store: Store, browser_at: Open) -> None:
    browser = browser_at(local)
    browser.post(f"{SIGN_IN}/key", key=new_key(store))

    for data, headers in (
        ({}, OWN_PAGE),
        ({"csrf": "wrong"}, OWN_PAGE),
        ({}, {"Origin": "http://evil.example"}),
    ):
        browser.http.post(f"{HOME}/sign-out", data=data, headers=headers)
        assert browser.is_signed_in


# Links from other sites ---------------------------------------------------------------------


def test_a_click_in_web_mail_arrives_signed_in(
    local: Server, store: Store, browser_at: Open
) -> None:
    browser = browser_at(local)
    browser.post(f"{SIGN_IN}/key", key=new_key(store))
    click = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    with httpx.Client(base_url=local.address) as without_cookie:
        arriving = without_cookie.get(f"{HOME}/jobs?status=failed", headers=click)
        assert arriving.status_code == 200
        assert "Set-Cookie" not in arriving.headers
        found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', arriving.text)
        assert found
        again = found[1].replace("&amp;", "&")
        assert again == f"{HOME}/jobs?status=failed&arriving=1"
        # A browser that never brings the cookie is asked to sign in, and not for ever again.
        assert without_cookie.get(again, headers=click).headers["Location"].startswith(SIGN_IN)
    assert "Location" not in browser.get(again, **{"Sec-Fetch-Site": "same-origin"}).headers
    assert "default-src 'none'" in arriving.headers["Content-Security-Policy"]
    assert "<script>" not in arriving.text
    assert "style=" not in arriving.text


# Supabase -----------------------------------------------------------------------------------


def test_a_password_signs_in_and_signing_out_ends_the_session_in_supabase(
    cloud: Server, project: Project, ada: dict[str, object], browser_at: Open
) -> None:
    browser, elsewhere = browser_at(cloud), browser_at(cloud)
    for one in (browser, elsewhere):
        answer = one.post(f"{SIGN_IN}/password", email=ADA, password=PASSWORD)
        assert answer.headers["Location"] == HOME
    assert len(project.sign_in.sessions) == 2

    browser.post(f"{HOME}/sign-out", page=HOME)

    assert not browser.is_signed_in
    # Of this browser alone.
    assert len(project.sign_in.sessions) == 1
    assert elsewhere.is_signed_in


def test_whoever_has_no_role_sees_who_can_grant_one(
    cloud: Server, ada: dict[str, object], store: Store, browser_at: Open
) -> None:
    browser = browser_at(cloud)
    browser.post(f"{SIGN_IN}/password", email=ADA, password=PASSWORD)

    page = browser.get(HOME)

    assert page.status_code == 403
    assert f"refit users grant {ADA} viewer" in page.text
    assert "sign-out" in page.text
    refused = browser.post(f"{HOME}/retrain", page=HOME, back=HOME)
    assert "This needs the role operator" in browser.said(refused)
    newest = store.list_audit_logs(limit=1)["items"][0]
    assert (newest["action"], newest["actor"]["name"]) == ("request.refused", ADA)
    assert browser.post(f"{HOME}/sign-out", page=HOME).headers["Location"] == SIGN_IN


def test_a_role_counts_from_the_next_token_on(
    cloud: Server, project: Project, ada: dict[str, object], browser_at: Open
) -> None:
    browser = browser_at(cloud)
    project.sign_in.token_lasts_s = 30  # so that it is renewed at the next request
    browser.post(f"{SIGN_IN}/password", email=ADA, password=PASSWORD)
    first = browser.http.cookies["refit"]
    ada["app_metadata"] = {"ml_role": "viewer"}
    project.sign_in.token_lasts_s = 3600

    page = browser.get(f"{HOME}/jobs")

    assert page.status_code != 403
    assert browser.http.cookies["refit"] != first


@pytest.mark.parametrize(("email", "password"), [(ADA, "wrong"), (NOBODY, PASSWORD), (ADA, "")])
def test_a_wrong_address_and_a_wrong_password_are_refused_alike(
    cloud: Server, ada: dict[str, object], browser_at: Open, email: str, password: str
) -> None:
    browser = browser_at(cloud)

    answer = browser.post(f"{SIGN_IN}/password", email=email, password=password)

    assert browser.said(answer) == "The e-mail address or the password is wrong."
    assert not browser.is_signed_in


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (Reply(status=503, text="away"), "Supabase does not answer now"),
        (Reply(status=200, text="<html>"), "Supabase does not answer now"),
        (
            Reply(status=429, body={"code": 429, "error_code": "over_request_rate_limit"}),
            "takes no more such requests",
        ),
        (
            Reply(status=400, body={"code": 400, "error_code": "email_not_confirmed"}),
            "not confirmed yet",
        ),
        (Reply(status=400, body={"code": 400, "error_code": "user_banned"}), "barred"),
        (Reply(status=401, body={"message": "Invalid API key"}), "SUPABASE_PUBLISHABLE_KEY"),
    ],
)
def test_what_supabase_says_is_told_in_plain_words(
    cloud: Server,
    project: Project,
    ada: dict[str, object],
    browser_at: Open,
    reply: Reply,
    sentence: str,
) -> None:
    browser = browser_at(cloud)
    project.only_answer = reply

    answer = browser.post(f"{SIGN_IN}/password", email=ADA, password=PASSWORD)

    assert sentence in browser.said(answer)


def test_guessing_passwords_is_slow(
    folder: Path,
    variables: dict[str, str],
    project: Project,
    ada: dict[str, object],
    store: Store,
    browser_at: Open,
) -> None:
    limited = variables | {
        "SUPABASE_URL": project.address,
        "SUPABASE_PUBLISHABLE_KEY": project.publishable_key,
        "REFIT_RATE_LIMIT_FAILURES": "3/minute",
    }
    with serving(folder, "main", **limited) as server:
        browser = browser_at(server)
        for _ in range(3):
            browser.post(f"{SIGN_IN}/password", email=ADA, password="wrong")
        asked = len(project.requests)

        # The right one is not even looked at, neither here nor with a key.
        answer = browser.post(f"{SIGN_IN}/password", email=ADA, password=PASSWORD)
        assert "Too many wrong credentials" in browser.said(answer)
        answer = browser.post(f"{SIGN_IN}/key", key=new_key(store))
        assert "Too many wrong credentials" in browser.said(answer)

        assert len(project.requests) == asked
        assert not browser.is_signed_in


# A link by mail -----------------------------------------------------------------------------


def mailed_link(project: Project, server: Server) -> str:
    (mail,) = project.sign_in.mails
    assert mail.to == ADA
    assert mail.link.startswith(f"{server.address}{SIGN_IN}/confirm?code=")
    return mail.link


def test_a_mailed_link_signs_in_the_browser_that_asked_for_it(
    cloud: Server, project: Project, ada: dict[str, object], browser_at: Open
) -> None:
    browser, other = browser_at(cloud), browser_at(cloud)
    browser.post(f"{SIGN_IN}/magic-link", email=ADA, next=f"{HOME}/jobs")
    link = mailed_link(project, cloud)
    verifier = browser.http.cookies["refit-mail"]

    assert "asked for in another browser" in other.said(other.get(link))
    click = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert browser.get(link, **click).headers["Location"] == f"{HOME}/jobs"

    assert browser.is_signed_in
    assert not other.is_signed_in
    assert "refit-mail" not in browser.http.cookies
    again = browser_at(cloud)
    again.http.cookies.set("refit-mail", verifier, domain="127.0.0.1")
    assert "opened before" in again.said(again.get(link))


def test_the_verifiers_cookie_comes_along_from_a_mail_and_is_sealed(
    cloud: Server, ada: dict[str, object], browser_at: Open
) -> None:
    answer = browser_at(cloud).post(f"{SIGN_IN}/magic-link", email=ADA)

    (cookie,) = [c for c in answer.headers.get_list("Set-Cookie") if c.startswith("refit-mail=")]
    found = dict(part.partition("=")[::2] for part in cookie.split("; "))
    assert (found["SameSite"], found["Path"]) == ("Lax", "/")
    assert "HttpOnly" in found
    assert int(found["Max-Age"]) == pytest.approx(3600, abs=5)
    assert ADA not in cookie


def test_whether_an_address_is_known_does_not_show(
    cloud: Server, project: Project, ada: dict[str, object], browser_at: Open
) -> None:
    browser = browser_at(cloud)
    answers = [browser.post(f"{SIGN_IN}/magic-link", email=email) for email in (ADA, NOBODY)]
    project.only_answer = Reply(
        status=429, body={"code": 429, "error_code": "over_email_send_rate_limit", "msg": "wait"}
    )
    answers.append(browser.post(f"{SIGN_IN}/magic-link", email=ADA))

    shapes = {
        (
            answer.status_code,
            answer.headers["Location"],
            tuple(sorted(c.partition("=")[0] for c in answer.headers.get_list("Set-Cookie"))),
        )
        for answer in answers
    }
    assert len(shapes) == 1
    assert len(project.sign_in.mails) == 1
    assert "a link is on its way" in browser.said(answers[1])


def test_a_link_that_supabase_calls_over_leads_back_to_the_page(
    cloud: Server, browser_at: Open
) -> None:
    browser = browser_at(cloud)
    query = "error=access_denied&error_code=otp_expired&error_description=Email+link+is+invalid"

    answer = browser.get(f"{SIGN_IN}/confirm?{query}")

    assert "Ask for a new one here" in browser.said(answer)


# Secrets ------------------------------------------------------------------------------------


def test_no_secret_is_ever_logged(
    local: Server,
    cloud: Server,
    project: Project,
    store: Store,
    ada: dict[str, object],
    browser_at: Open,
) -> None:
    browser, user = browser_at(local), browser_at(cloud)
    key, link = new_key(store), link_to(store, local)
    browser.post(f"{SIGN_IN}/key", key=key)
    sealed = browser.http.cookies["refit"]
    browser.post(f"{HOME}/sign-out", page=HOME)
    open_link(browser, link)
    user.post(f"{SIGN_IN}/password", email=ADA, password=PASSWORD)
    other = browser_at(cloud)
    other.post(f"{SIGN_IN}/password", email=ADA, password="a wrong one")
    other.post(f"{SIGN_IN}/magic-link", email=ADA)
    code = project.sign_in.mails[0].link.partition("code=")[2]
    other.get(f"{SIGN_IN}/confirm?code={code}")
    refresh_token = next(iter(project.sign_in.sessions))

    written = local.log.read_text() + cloud.log.read_text()
    assert "request" in written
    secrets = [key, sealed, link.partition("token=")[2], PASSWORD, "a wrong one", code]
    for secret in (*secrets, refresh_token, SESSION_SECRET, project.publishable_key):
        assert secret not in written


def test_a_home_keeps_one_session_secret_that_its_owner_alone_reads(tmp_path: Path) -> None:
    first = session_environ(Settings(), tmp_path)
    second = session_environ(Settings(), tmp_path)

    assert first == second
    assert len(first["REFIT_SESSION_SECRET"]) == 64
    assert stat.S_IMODE((tmp_path / SESSION_FILE).stat().st_mode) == 0o600
    given = Settings(REFIT_SESSION_SECRET=SecretStr(first["REFIT_SESSION_SECRET"]))
    assert session_environ(given, tmp_path) == {}
