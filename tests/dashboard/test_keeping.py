"""What browsers keep: notices, for one page; pages, while they stay the same; files, for ever."""

from __future__ import annotations

import gzip
import re
from typing import Any

import httpx
import pytest
from flask import Response

from functions.dashboard.notices import Notice, leave_notice, take_notice
from functions.dashboard.static_files import PLOTLY, STATIC
from tests.dashboard.test_sessions import request_of
from tests.dashboard.visiting import HOME, is_page, notice_of, refused

# What is told once --------------------------------------------------------------------------


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
