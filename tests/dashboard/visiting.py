"""Visiting pages over HTTP, as a browser without scripts does it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from functions.dashboard.rendering import SECURITY_POLICY
from tests.functions.served import Server

HOME = "/en/ml-training"
# What a browser says of a form of our own page's, and of what somebody opens.
OWN_PAGE = {"Sec-Fetch-Site": "same-origin", "Origin": "null"}
OPENED = {"Sec-Fetch-Mode": "navigate"}


@contextmanager
def visiting(server: Server, key: str | None = None) -> Iterator[httpx.Client]:
    """A browser without scripts, signed in with a key; it follows no redirect by itself."""
    with httpx.Client(base_url=server.address, timeout=30, headers=OPENED) as http:
        if key is not None:
            answer = http.post(f"{HOME}/sign-in/key", data={"key": key})
            assert answer.status_code == 303, answer.text
            assert answer.headers["Location"] == HOME
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


def refused(http: httpx.Client, back: str) -> None:
    """Have something to be told."""
    answer = http.post(f"{HOME}/retrain", data={"csrf": "x", "back": back}, headers=OWN_PAGE)
    assert answer.headers["Location"] == back
