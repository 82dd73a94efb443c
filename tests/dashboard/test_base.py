"""What holds for every page: its address, what is sent to it, and its words."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from datetime import UTC
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from functions.dashboard.formats import Formats, find_zone
from functions.dashboard.language import LOCALES
from functions.dashboard.rendering import SECURITY_POLICY
from tests.dashboard.visiting import HOME, OWN_PAGE, csrf_of, is_page, notice_of, visiting
from tests.functions.served import Server
from tests.worker.lab import Lab

PAGES = ("", "/jobs", "/retrain", "/schedules", "/audit")


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


def test_the_bare_address_leads_a_browser_to_the_page_and_a_program_to_an_error(
    stranger: httpx.Client,
) -> None:
    browser = stranger.get("/", headers={"Accept": "text/html,*/*", "Accept-Language": "nl"})
    assert (browser.status_code, browser.headers["Location"]) == (303, "/nl/ml-training")
    program = stranger.get("/", headers={"Accept": "*/*"})
    assert (program.status_code, program.json()["status"]) == (404, 404)


def test_sentences_have_times_of_the_zone_that_the_browser_named(
    lab: Lab, operator: httpx.Client
) -> None:
    moment = "2026-07-01T12:00:00+00:00"
    assert Formats(locale="en").datetime(moment) == "1 Jul 2026 12:00 UTC"
    assert Formats(locale="nl", zone=find_zone("Europe/Amsterdam")).datetime(moment) == (
        "1 jul 2026 14:00"
    )
    assert Formats(locale="en", zone=find_zone("Asia/Tokyo")).date("2026-07-01T20:00:00Z") == (
        "2 Jul 2026"
    )
    for zone in ("../../etc/passwd", "Europe", "Nowhere/City", "\x00"):
        assert find_zone(zone) is UTC
    lab.model_type(lab.table(20))
    operator.cookies.set("refit-zone", "Asia/Tokyo")
    moments = re.findall(r"<time [^>]*>([^<]*)</time>", operator.get(f"{HOME}/audit").text)
    assert moments
    assert not any(moment.endswith("UTC") for moment in moments)
