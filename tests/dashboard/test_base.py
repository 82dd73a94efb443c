"""What holds for every page: its address, its headers, its errors, and what is told once."""

from __future__ import annotations

import gzip
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from flask import Response
from psycopg import sql

from core.database import PostgresDatabase
from core.domain import Role
from core.keys import hash_key, make_key
from core.store import LOCAL_ADMIN, Store
from functions.dashboard.language import LOCALES
from functions.dashboard.notices import Notice, leave_notice, take_notice
from functions.dashboard.rendering import SECURITY_POLICY
from functions.dashboard.static_files import PLOTLY, STATIC
from tests.dashboard.test_sessions import request_of
from tests.functions.served import Server, free_port, serving
from tests.worker.lab import Lab

HOME = "/en/ml-training"
# What a browser says of a form of our own page's, and of what somebody opens.
OWN_PAGE = {"Sec-Fetch-Site": "same-origin", "Origin": "null"}
OPENED = {"Sec-Fetch-Mode": "navigate"}
PAGES = ("", "/jobs", "/retrain", "/schedules", "/audit")


@contextmanager
def visiting(server: Server, key: str | None = None) -> Iterator[httpx.Client]:
    """A browser without scripts, signed in with a key; it follows no redirect by itself."""
    with httpx.Client(base_url=server.address, timeout=30, headers=OPENED) as http:
        if key is not None:
            answer = http.post(f"{HOME}/sign-in/key", data={"key": key})
            assert answer.status_code == 303, answer.text
            assert answer.headers["Location"] == HOME
        yield http


@pytest.fixture
def operator(server: Server, keys: dict[str, str]) -> Iterator[httpx.Client]:
    with visiting(server, keys["operator"]) as http:
        yield http


@pytest.fixture
def stranger(server: Server) -> Iterator[httpx.Client]:
    with visiting(server) as http:
        yield http


def csrf_of(http: httpx.Client, page: str = HOME) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', http.get(page).text)
    assert found, page
    return found[1]


def notice_of(answer: httpx.Response) -> str | None:
    found = re.search(r'<div class="notice.*?<p>(.*?)</p>', answer.text, re.DOTALL)
    return found[1] if found else None


def is_page(answer: httpx.Response, status: int) -> bool:
    """Whether a person reads it, with the headers that every page has."""
    return (
        answer.status_code == status
        and answer.headers["Content-Type"] == "text/html; charset=utf-8"
        and answer.headers["Content-Security-Policy"] == SECURITY_POLICY
        and answer.headers["X-Frame-Options"] == "DENY"
        and answer.headers["Referrer-Policy"] == "no-referrer"
        and "<h1" in answer.text
        and "Traceback" not in answer.text
    )


# Addresses ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("preferred", "locale"),
    [
        ("nl", "nl"),
        ("nl-BE,nl;q=0.9,en;q=0.8", "nl"),
        ("de,nl;q=0.5,en;q=0.3", "nl"),
        ("en-GB,nl;q=0.5", "en"),
        ("de", "en"),
        ("", "en"),
        ("nonsense;q=x,,", "en"),
    ],
)
def test_the_browsers_language_decides(stranger: httpx.Client, preferred: str, locale: str) -> None:
    answer = stranger.get("/ml-training/jobs?status=failed", headers={"Accept-Language": preferred})
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/{locale}/ml-training/jobs?status=failed"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    ["/ml-training//evil.example", "/ml-training/%5cevil",
     "/ml-training/é%3Fa%23b"],
)  # fmt: skip
def test_a_strange_address_leads_below_the_language_and_nowhere_else(
    server: Server, path: str
) -> None:
    answer = httpx.get(server.address + path, headers={"Accept-Language": "en"})
    assert answer.status_code == 303
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Location"].startswith(f"{HOME}/")
    led = urlsplit(answer.headers["Location"])
    assert (led.query, led.fragment) == ("", "")
    assert is_page(httpx.get(server.address + answer.headers["Location"]), 404)


@pytest.mark.parametrize(
    "path",
    [f"{HOME}/nowhere", f"{HOME}/static", f"{HOME}/jobs/1", f"{HOME}//jobs", "/fr/ml-training",
     "/fr/ml-training/jobs", f"{HOME}/sign-in/../nowhere", f"{HOME}/%00", f"{HOME}/model-types/"],
)  # fmt: skip
def test_a_page_that_is_not_there_says_so(operator: httpx.Client, path: str) -> None:
    answer = operator.get(path)
    assert is_page(answer, 404)
    assert "There is no such page" in answer.text


def test_the_other_language_of_any_page_is_that_page(
    stranger: httpx.Client, operator: httpx.Client
) -> None:
    for path, other in (
        (f"{HOME}/jobs?status=failed", "/nl/ml-training/jobs?status=failed"),
        ("/fr/ml-training/jobs", "/nl/ml-training/jobs"),
        (f"{HOME}/%22%3E%3Cb%3E", "/nl/ml-training/%22%3E%3Cb%3E"),
    ):
        assert f'href="{other}" hreflang="nl"' in operator.get(path).text, path


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "POST"])
@pytest.mark.parametrize("path", [HOME, f"{HOME}/jobs", "/ml-training", "/ml-training/static/1/a"])
def test_a_page_is_asked_by_get(operator: httpx.Client, method: str, path: str) -> None:
    answer = operator.request(method, path)
    assert is_page(answer, 405)
    assert answer.headers["Allow"] == "GET, HEAD"


def test_what_only_forms_ask_shows_nothing_by_get(operator: httpx.Client) -> None:
    answer = operator.get(f"{HOME}/sign-out")
    assert is_page(answer, 405)
    assert answer.headers["Allow"] == "POST"
    assert operator.get(HOME).status_code == 200


def test_head_is_get_without_a_body(operator: httpx.Client) -> None:
    answer, page = operator.head(f"{HOME}/jobs"), operator.get(f"{HOME}/jobs")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["ETag"] == page.headers["ETag"]
    assert answer.headers["Content-Security-Policy"] == SECURITY_POLICY


def test_an_environment_that_is_not_there_is_named(operator: httpx.Client) -> None:
    answer = operator.get(f"{HOME}/jobs", params={"environment": "<moon>"})
    assert is_page(answer, 404)
    assert "There is no environment &lt;moon&gt;" in answer.text


@pytest.mark.parametrize(
    "address",
    [f"{HOME}/model-types/a%00b", f"{HOME}/model-types/%ff", f"{HOME}/jobs?cursor=%00",
     f"{HOME}/audit?entity_id=%00", f"{HOME}/audit?request_id=%ff%00", f"{HOME}/jobs?status=%00",
     f"{HOME}/schedules?cursor=nonsense", f"{HOME}/retrain?model_type=%00"],
)  # fmt: skip
def test_an_address_that_means_nothing_is_no_error_of_ours(
    operator: httpx.Client, address: str
) -> None:
    assert operator.get(address).status_code < 500


# What is sent -------------------------------------------------------------------------------


def chunks(megabytes: int) -> Iterator[bytes]:
    yield b"csrf=x&back=/en/ml-training/jobs&reason="
    for _ in range(16 * megabytes):
        yield b"a" * (1 << 16)


@pytest.mark.parametrize("place", ["/retrain", "/sign-in/key", "/sign-out"])
def test_a_form_that_is_too_large_is_refused_in_words(operator: httpx.Client, place: str) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    parts = {"Content-Type": "multipart/form-data; boundary=b"}
    announced = b"csrf=x&back=/en/ml-training/jobs&reason=" + b"a" * (2 << 20)
    files = b'--b\r\nContent-Disposition: form-data; name="reason"\r\n\r\n' + announced
    many = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 2000 + b"--b--"
    bodies: list[tuple[dict[str, str], Any]] = [
        (form, announced), (form, chunks(2)), (parts, files), (parts, many),
    ]  # fmt: skip
    for headers, body in bodies:
        answer = operator.post(HOME + place, content=body, headers=headers)
        assert is_page(answer, 413), (place, answer.status_code)
        assert "1 MiB" in answer.text or "too many parts" in answer.text
    assert operator.get(HOME).status_code == 200  # and nobody was signed out


def test_a_form_just_below_the_limit_is_read(operator: httpx.Client) -> None:
    token = csrf_of(operator)
    answer = operator.post(
        f"{HOME}/retrain", data={"csrf": token, "reason": "a" * 900_000}, headers=OWN_PAGE
    )
    assert "1 MiB" not in answer.text
    assert answer.status_code in {303, 422}


def test_a_form_of_malformed_chunks_is_refused(server: Server) -> None:
    address = urlsplit(server.address)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=30) as line:
        line.sendall(
            b"POST /en/ml-training/sign-in/key HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n"
            b"Transfer-Encoding: chunked\r\n\r\nzz\r\nkey=1"
        )
        assert line.recv(100).startswith(b"HTTP/1.1 4")


def refusals(lab: Lab) -> list[dict[str, Any]]:
    return list(lab.store.list_audit_logs(action="request.refused", limit=100)["items"])


def test_a_form_without_its_token_does_nothing_and_is_on_record(
    lab: Lab, operator: httpx.Client
) -> None:
    back, before = f"{HOME}/schedules", len(refusals(lab))
    answer = operator.post(f"{HOME}/retrain", data={"csrf": "x", "back": back}, headers=OWN_PAGE)
    assert answer.status_code == 303
    assert answer.headers["Location"] == back
    assert "token is missing" in (notice_of(operator.get(back)) or "")
    newest, *earlier = refusals(lab)
    assert (newest["entity_id"], len(earlier)) == ("retrain", before)


def test_whoever_has_too_low_a_role_is_told_and_is_on_record(
    lab: Lab, server: Server, keys: dict[str, str]
) -> None:
    with visiting(server, keys["viewer"]) as http:
        before, token = len(refusals(lab)), csrf_of(http)
        answer = http.post(f"{HOME}/retrain", data={"csrf": token}, headers=OWN_PAGE)
    assert is_page(answer, 403)
    assert "This needs the role operator; viewer of the test has the role viewer" in answer.text
    assert len(refusals(lab)) == before + 1


def test_who_was_signed_out_meanwhile_hears_that_nothing_was_done(
    server: Server, stranger: httpx.Client
) -> None:
    back = f"{HOME}/schedules"
    answer = stranger.post(f"{HOME}/schedules", data={"csrf": "x", "back": back}, headers=OWN_PAGE)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"{HOME}/sign-in?next=%2Fen%2Fml-training%2Fschedules"
    page = stranger.get(answer.headers["Location"])
    assert "nothing was done" in (notice_of(page) or "")
    assert f'name="next" value="{back}"' in page.text


# What is told once --------------------------------------------------------------------------


def refused(http: httpx.Client, back: str) -> None:
    """Have something to be told."""
    answer = http.post(f"{HOME}/retrain", data={"csrf": "x", "back": back}, headers=OWN_PAGE)
    assert answer.headers["Location"] == back


def test_a_notice_is_shown_once_in_any_language(operator: httpx.Client) -> None:
    refused(operator, f"{HOME}/audit")

    assert notice_of(operator.get("/nl/ml-training/audit")) is not None
    assert notice_of(operator.get(f"{HOME}/audit")) is None


def test_what_a_script_asks_for_takes_no_notice_away(operator: httpx.Client) -> None:
    refused(operator, f"{HOME}/audit")

    polled = operator.get(HOME, headers={"Sec-Fetch-Mode": "cors"})  # another tab stays up to date

    assert notice_of(polled) is None
    assert notice_of(operator.get(f"{HOME}/audit")) is not None


@pytest.mark.parametrize("letter", ["a", "é", "模", "🦊", '"', "\x00"])
def test_a_long_notice_fits_into_a_cookie(letter: str) -> None:
    response = Response()
    leave_notice(response, Notice(text=letter * 5000, failed=True), secure=True)

    cookie = response.headers["Set-Cookie"]
    assert len(cookie) < 4096
    given = cookie.partition(";")[0].partition("=")[2]
    told = take_notice(request_of({"refit-notice": given}))
    assert told is not None
    assert told.failed
    assert len(told.text) >= 400
    assert set(told.text) == {letter}


@pytest.mark.parametrize("given", ["", "x", "MA==", "_w==", "%%%"])
def test_a_cookie_that_is_no_notice_says_nothing(operator: httpx.Client, given: str) -> None:
    answer = operator.get(HOME, headers={"Cookie": f"refit-notice={given}"})
    assert answer.status_code == 303  # to sign in: this header took the session's place
    assert take_notice(request_of({"refit-notice": given})) is None


# What browsers keep -------------------------------------------------------------------------


def test_a_page_that_stayed_the_same_is_not_sent_again(operator: httpx.Client) -> None:
    page = operator.get(f"{HOME}/schedules")
    tag = {"If-None-Match": page.headers["ETag"]}
    assert page.headers["Cache-Control"] == "private, no-cache"

    same = operator.get(f"{HOME}/schedules", headers=tag)
    assert (same.status_code, same.content) == (304, b"")
    assert same.headers["ETag"] == page.headers["ETag"]

    others = ("/nl/ml-training/schedules", f"{HOME}/schedules?environment=staging")
    assert [operator.get(other, headers=tag).status_code for other in others] == [200, 200]
    refused(operator, f"{HOME}/schedules")
    assert notice_of(operator.get(f"{HOME}/schedules", headers=tag)) is not None


def test_nothing_is_kept_of_pages_that_are_nobodys(
    stranger: httpx.Client, operator: httpx.Client
) -> None:
    for http, place in ((stranger, "/sign-in"), (stranger, "/jobs"), (operator, "/nowhere")):
        answer = http.get(HOME + place)
        assert answer.headers["Cache-Control"] == "no-store", place
        assert "ETag" not in answer.headers


# Files --------------------------------------------------------------------------------------


def addresses_of_files(http: httpx.Client) -> dict[str, str]:
    """The files of a page by their names, and those that scripts load, which are beside them."""
    found = re.findall(r'"(/ml-training/static/[^"]+)"', http.get(f"{HOME}/sign-in").text)
    folder = found[0].rpartition("/")[0]
    names = {path.name for path in STATIC.iterdir()} | {PLOTLY}
    assert {address.rpartition("/")[2] for address in found} <= names
    return {name: f"{folder}/{name}" for name in names}


def test_files_have_their_types_and_are_kept_for_ever(stranger: httpx.Client) -> None:
    types = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    for name, address in addresses_of_files(stranger).items():
        plain = stranger.get(address, headers={"Accept-Encoding": "identity"})
        assert plain.status_code == 200, name
        assert plain.headers["Content-Type"].startswith(types[name.rpartition(".")[2]])
        assert plain.headers["X-Content-Type-Options"] == "nosniff"
        assert plain.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert plain.headers["Vary"] == "Accept-Encoding"
        assert "Content-Encoding" not in plain.headers
        assert "Set-Cookie" not in plain.headers
        if name != PLOTLY:
            assert plain.content == (STATIC / name).read_bytes()


def test_files_travel_compressed(stranger: httpx.Client) -> None:
    for name, address in addresses_of_files(stranger).items():
        with stranger.stream("GET", address, headers={"Accept-Encoding": "br, gzip"}) as answer:
            packed = b"".join(answer.iter_raw())
        assert answer.headers["Content-Encoding"] == "gzip", name
        assert gzip.decompress(packed) == stranger.get(address).content
        head = stranger.head(address)
        assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    "change",
    [
        lambda address: address.replace("/static/", "/static/0"),
        lambda address: address.replace("dashboard.css", "nothing.css"),
        lambda address: address.replace("dashboard.css", "..%2f..%2fvisit.py"),
        lambda address: address.replace("dashboard.css", "%00"),
    ],
)
def test_a_file_that_is_not_there_is_a_page_that_says_so(
    stranger: httpx.Client, change: Any
) -> None:
    answer = stranger.get(change(addresses_of_files(stranger)["dashboard.css"]))
    assert answer.status_code in {303, 404}
    if answer.status_code == 404:
        assert is_page(answer, 404)
    assert "immutable" not in answer.headers["Cache-Control"]


# Every page ---------------------------------------------------------------------------------

HOSTILE = """</script></title><img src=x onerror="alert('1')">{{ 7 * 7 }}%(title)s{title}&amp;"""


@pytest.fixture(scope="module")
def hostile(lab: Lab) -> str:
    """A model type with a title and a description that would rather be a script."""
    name = lab.model_type(title=HOSTILE[:80], description=HOSTILE)
    lab.store.trigger_retraining(model_types=[name], reason=HOSTILE)
    return name


@pytest.mark.parametrize("locale", LOCALES)
def test_a_hostile_title_is_text_on_every_page(
    lab: Lab, server: Server, keys: dict[str, str], hostile: str, locale: str
) -> None:
    (job,) = lab.store.list_training_jobs(limit=1)["items"]
    places = (*PAGES, f"/model-types/{hostile}", f"/model-types/{hostile}/settings")
    with visiting(server, keys["admin"]) as http:
        for place in (*places, f"/jobs/{job['id']}"):
            page = http.get(f"/{locale}/ml-training{place}")
            assert is_page(page, 200), place
            assert "<img src=x" not in page.text, place
            assert "</script></title>" not in page.text, place
            assert "&lt;/script&gt;" in page.text or "\\u003c/script" in page.text, place
            assert " style=" not in page.text
            assert "<style" not in page.text
            scripts = re.findall(r"<script(?![^>]*(?:application/json|src=))[^>]*>", page.text)
            assert scripts == [], place


def test_hostile_words_of_a_visitor_are_text(
    operator: httpx.Client, stranger: httpx.Client
) -> None:
    for http, address in (
        (
            operator,
            f"{HOME}/audit?entity_id=%22%3E%3Cimg src=x%3E&request_id=%22%3E%3Cimg src=x%3E",
        ),
        (operator, f"{HOME}/jobs?status=%22%3E%3Cimg src=x%3E&environment=%22%3E%3Cimg src=x%3E"),
        (stranger, f"{HOME}/sign-in?next=/en/ml-training/%22%3E%3Cimg src=x%3E"),
        (stranger, f"{HOME}/sign-in/link?token=%22%3E%3Cimg src=x%3E"),
    ):
        headers = {"Sec-Fetch-Site": "cross-site", "X-Request-Id": "<img src=x>"}
        assert "<img src=x" not in http.get(address, headers=headers).text, address


# When something is away ---------------------------------------------------------------------


@contextmanager
def without(lab: Lab, folder: Path, **variables: str | None) -> Iterator[httpx.Client]:
    given: dict[str, str | None] = {
        "DATABASE_URL": lab.database_url,
        "REDIS_URL": lab.redis_url,
        "REFIT_SESSION_SECRET": "a secret of the tests that is long enough",
    }
    kept = {name: value for name, value in (given | variables).items() if value is not None}
    with serving(folder, "main", **kept) as server, visiting(server) as http:
        yield http


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"DATABASE_URL": None}, "DATABASE_URL"),
        ({"REDIS_URL": None}, "REDIS_URL"),
        ({"REFIT_SESSION_SECRET": "short"}, "REFIT_SESSION_SECRET"),
        ({"DASHBOARD_URL": "nonsense"}, "DASHBOARD_URL"),
    ],
)
def test_what_is_not_configured_is_named_on_a_page(
    lab: Lab, tmp_path: Path, variables: dict[str, str | None], named: str
) -> None:
    with without(lab, tmp_path, **variables) as http:
        for place in ("", "/sign-in", "/jobs"):
            answer = http.get(HOME + place)
            assert is_page(answer, 503), (place, answer.status_code, answer.text)
            assert named in answer.text
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.headers["Cache-Control"] == "no-store"
        page = http.get("/ml-training", follow_redirects=True)
        assert is_page(page, 503)
        (style,) = re.findall(r'"(/ml-training/static/[^"]+css)"', page.text)
        assert http.get(style).status_code == 200


def test_while_the_database_is_away_a_page_says_so_and_the_session_stays(
    lab: Lab, database_url: str, postgres_admin: psycopg.Connection, tmp_path: Path
) -> None:
    change = sql.SQL("alter database {} allow_connections {}")
    name, key = database_url.rpartition("/")[2], make_key()
    database = PostgresDatabase(database_url)
    Store(database, actor=LOCAL_ADMIN).create_api_key(
        name="of the test", role=Role.OPERATOR, key_hash=hash_key(key)
    )
    database.close()
    with without(lab, tmp_path, DATABASE_URL=database_url) as http:
        assert http.post(f"{HOME}/sign-in/key", data={"key": key}).headers["Location"] == HOME
        token = csrf_of(http)
        postgres_admin.execute(change.format(sql.Identifier(name), sql.SQL("false")))
        postgres_admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name]
        )
        page = http.get(f"{HOME}/jobs")
        posted = http.post(f"{HOME}/retrain", data={"csrf": token}, headers=OWN_PAGE)
        postgres_admin.execute(change.format(sql.Identifier(name), sql.SQL("true")))
        for answer in (page, posted):
            assert is_page(answer, 503), answer.status_code
            assert int(answer.headers["Retry-After"]) > 0
            assert "Set-Cookie" not in answer.headers
        assert http.get(f"{HOME}/jobs").status_code == 200


def test_while_the_queue_is_away_pages_are_shown(
    lab: Lab, keys: dict[str, str], tmp_path: Path
) -> None:
    with without(lab, tmp_path, REDIS_URL=f"redis://127.0.0.1:{free_port()}/0") as http:
        http.post(f"{HOME}/sign-in/key", data={"key": keys["viewer"]})
        assert is_page(http.get(f"{HOME}/jobs"), 200)
