"""Headers of every answer, also of those that no function gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.functions.served import PATH, Answer, Server, serving

SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
ORIGIN = "https://app.example.org"


@pytest.fixture(scope="module")
def open_server(
    tmp_path_factory: pytest.TempPathFactory, module_database_url: str, module_redis_url: str
) -> Iterator[Server]:
    """A server whose answers the pages of two origins may read."""
    with serving(
        tmp_path_factory.mktemp("open"),
        "main",
        DATABASE_URL=module_database_url,
        REDIS_URL=module_redis_url,
        REFIT_CORS_ORIGINS=f"{ORIGIN},http://localhost:8080",
    ) as server:
        yield server


def test_every_answer_has_the_security_headers(
    server: Server, keys: dict[str, str], make_type: Callable[..., str]
) -> None:
    answers = [
        server.get("health"),
        server.get("openapi"),
        server.get("status"),
        server.get("status", keys["viewer"]),
        server.get("status", keys["viewer"], mistake=1),
        server.post("status", {}),
        server.post("trigger_retraining", {"model_types": [make_type()]}, key=keys["operator"]),
        server.ask("GET", "/no/such/path"),
        server.ask("HEAD", "/status", key=keys["viewer"]),
        server.ask("GET", "/status", key=keys["viewer"], headers={"If-None-Match": "*"}),
        server.ask("GET", "/robots.txt"),
        server.ask("POST", "/favicon.ico", b"x"),
    ]

    assert [a.status for a in answers] == [
        *(200, 200, 401, 200, 422, 405, 202, 404, 200, 304, 404, 404)
    ]
    for answer in answers:
        assert SECURITY.items() <= dict(answer.headers.items()).items(), answer
        for name in SECURITY:
            assert len(answer.headers.get_all(name, [])) == 1
        assert "X-Request-Id" in answer.headers
        assert not any(char.isdigit() for char in answer.headers["Server"])


def test_what_no_function_answers_is_a_problem_too(server: Server) -> None:
    for path in ("/robots.txt", "/favicon.ico"):
        answer = server.ask("GET", path)
        assert (answer.status, answer.is_problem) == (404, True)
        assert answer.headers["Cache-Control"] == "no-store"


def test_an_error_outside_of_a_function_shows_nothing_of_itself(tmp_path: Path) -> None:
    source = tmp_path / "broken.py"
    source.write_text(
        "from flask import current_app\n"
        "from core.web import protect\n"
        "protect(current_app)\n"
        "def broken(request):\n"
        "    raise ValueError('a secret of ours')\n"
    )
    from functions_framework import create_app

    app = create_app("broken", str(source))  # type: ignore[no-untyped-call]
    answer = app.test_client().get("/")

    assert answer.status_code == 500
    assert answer.content_type == "application/problem+json"
    assert b"a secret of ours" not in answer.data
    assert SECURITY.items() <= dict(answer.headers.items()).items()


def test_encryption_is_demanded_where_there_is_some(server: Server) -> None:
    plain = server.ask("GET", "/health")
    encrypted = server.ask("GET", "/health", headers={"X-Forwarded-Proto": "https"})

    assert "Strict-Transport-Security" not in plain.headers
    assert encrypted.headers["Strict-Transport-Security"].startswith("max-age=31536000")


def allowed(answer: Answer) -> dict[str, str]:
    return {k: v for k, v in answer.headers.items() if k.startswith("Access-Control-")}


def preflight(server: Server, origin: str, **headers: str) -> Answer:
    """What a browser asks before a page's request with a key goes out."""
    return server.ask(
        "OPTIONS",
        f"{PATH}?action=trigger_retraining",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,x-api-key",
            **headers,
        },
    )


def test_no_page_may_read_anything_unless_its_origin_is_configured(
    server: Server, open_server: Server, keys: dict[str, str]
) -> None:
    for asked, origin in (
        (server, ORIGIN),
        (open_server, "https://evil.example.org"),
        (open_server, "https://app.example.org.evil.example"),
        (open_server, "null"),
    ):
        before = preflight(asked, origin)
        answer = asked.ask("GET", "/status", key=keys["viewer"], headers={"Origin": origin})
        assert (before.status, answer.status) == (405, 200)
        assert allowed(before) == allowed(answer) == {}


def test_a_page_of_a_configured_origin_may_ask_and_read(
    open_server: Server, keys: dict[str, str]
) -> None:
    before = preflight(open_server, ORIGIN)
    answer = open_server.ask("GET", "/status", key=keys["viewer"], headers={"Origin": ORIGIN})
    refused = open_server.ask("GET", "/status", headers={"Origin": "http://localhost:8080"})

    assert (before.status, before.text) == (204, "")
    assert before.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "POST" in before.headers["Access-Control-Allow-Methods"]
    assert {"x-api-key", "content-type", "authorization", "idempotency-key"} <= {
        name.strip().lower() for name in before.headers["Access-Control-Allow-Headers"].split(",")
    }
    assert before.headers["Vary"] == "Origin"
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
    assert answer.headers["Vary"] == "Origin, Authorization, X-API-Key, Cookie"
    # A page must be able to read why it was refused.
    assert refused.headers["Access-Control-Allow-Origin"] == "http://localhost:8080"
    for each in (before, answer, refused):
        assert "Access-Control-Allow-Credentials" not in each.headers


def test_an_answer_varies_by_origin_even_where_none_was_sent(open_server: Server) -> None:
    assert open_server.get("health").headers["Vary"].startswith("Origin")


@pytest.mark.parametrize("origins", ["*", "app.example.org", "https://app.example.org/path"])
def test_an_origin_that_is_none_is_named(tmp_path: Path, origins: str) -> None:
    with serving(tmp_path, "main", REFIT_CORS_ORIGINS=origins) as server:
        answer = server.get("status")

    assert answer.status == 500
    assert "REFIT_CORS_ORIGINS" in answer.body["detail"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
