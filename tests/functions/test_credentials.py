"""Who may do what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from core.domain import Role
from core.keys import hash_key, make_key
from core.store import Store
from functions.actions import ACTIONS
from tests.functions.served import PATH, Server, serving

VIEWING = [
    *("status", "metrics", "models", "history", "operation", "job"),
    *("deployments", "schedules", "alerts", "audit"),
]
OPERATING = [
    *("trigger_retraining", "check_performance", "validate_models", "deploy_model", "cancel_job"),
    *("acknowledge_alert", "snooze_alert", "record_event"),
]
ADMINISTERING = [
    *("rollback_model", "create_model_type", "update_model_type"),
    *("create_schedule", "update_schedule"),
]
TICKING = ["run_schedules"]
NEEDED = {
    **dict.fromkeys(VIEWING, Role.VIEWER),
    **dict.fromkeys(OPERATING, Role.OPERATOR),
    **dict.fromkeys(ADMINISTERING, Role.ADMIN),
    **dict.fromkeys(TICKING, Role.SCHEDULER),
}
ALLOWED = {
    Role.VIEWER: {Role.VIEWER},
    Role.OPERATOR: {Role.VIEWER, Role.OPERATOR},
    Role.ADMIN: {Role.VIEWER, Role.OPERATOR, Role.ADMIN, Role.SCHEDULER},
    Role.SCHEDULER: {Role.SCHEDULER},
}


def test_the_table_has_every_action() -> None:
    assert ACTIONS.keys() == NEEDED.keys() | {"health", "openapi"}


@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_do_what_the_table_says_and_nothing_else(
    server: Server, keys: dict[str, str], role: Role
) -> None:
    for action, needed in NEEDED.items():
        if action in VIEWING:
            query = {"id": str(uuid4())} if action in {"job", "operation"} else {}
            answer = server.get(action, keys[role], **query)
        else:
            # A body with a mistake: who may ask hears of it, who may not is refused before.
            answer = server.post(action, {"mistake": True}, key=keys[role])
        if needed in ALLOWED[role]:
            assert answer.status in {200, 404, 422}, (action, answer.text)
        else:
            assert answer.status == 403, (action, answer.text)
            assert answer.is_problem
            assert f"needs the role {needed}" in answer.body["detail"]


def test_passing_the_limits_is_for_admins(
    server: Server, keys: dict[str, str], make_type: Callable[..., str]
) -> None:
    body = {"model_types": [make_type()], "override_limits": True}

    assert server.post("trigger_retraining", body, key=keys["operator"]).status == 403
    assert server.post("trigger_retraining", body, key=keys["admin"]).status == 202


def test_a_call_without_credentials_is_refused(server: Server) -> None:
    for action in VIEWING:
        answer = server.get(action)
        assert answer.status == 401
        assert answer.is_problem
        assert answer.headers["WWW-Authenticate"]
    for action in OPERATING + ADMINISTERING:
        assert server.post(action, {}).status == 401


@pytest.mark.parametrize(
    "key",
    [
        *("wrong", "rft_", "rft_' or true --", "é"),
        pytest.param(make_key(), id="of-nobody"),
        pytest.param(f"{make_key()}x", id="too-long"),
    ],
)
def test_a_key_that_nobody_made_is_refused(server: Server, key: str) -> None:
    answer = server.get("status", key)

    assert answer.status == 401
    assert key not in answer.body["detail"]


def test_a_user_token_is_refused_without_a_supabase_project(server: Server) -> None:
    answer = server.ask(
        "GET", f"{PATH}?action=status", headers={"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."}
    )

    assert answer.status == 401
    assert "X-API-Key" in answer.body["detail"]


def test_a_revoked_key_is_refused_once_it_is_looked_up_again(server: Server, store: Store) -> None:
    revoked, met = make_key(), make_key()
    for name, key in (("to be revoked", revoked), ("met and then revoked", met)):
        store.create_api_key(name=name, role=Role.ADMIN, key_hash=hash_key(key))
    assert server.get("status", met).status == 200

    store.revoke_api_key("to be revoked")
    store.revoke_api_key("met and then revoked")

    assert server.get("status", revoked).status == 401
    # Within thirty seconds: test_key_cache.py has that to the second.
    assert server.get("status", met).status == 200


def test_an_expired_key_is_refused(server: Server, store: Store) -> None:
    now = datetime.now(UTC)
    expired, standing = make_key(), make_key()
    for name, key, expires_at in (
        ("expired", expired, now - timedelta(seconds=1)),
        ("standing", standing, now + timedelta(hours=1)),
    ):
        store.create_api_key(
            name=name, role=Role.VIEWER, key_hash=hash_key(key), expires_at=expires_at
        )

    assert server.get("status", expired).status == 401
    assert server.get("status", standing).status == 200


def test_the_log_has_every_request_and_no_key(server: Server, keys: dict[str, str]) -> None:
    server.ask("GET", "/status", key=keys["viewer"], headers={"X-Request-Id": "for-the-log"})
    server.ask("GET", "/nothing")

    lines = server.log_lines()
    (line,) = [line for line in lines if line.get("request_id") == "for-the-log"]
    assert line["event"] == "request"
    assert line["level"] == "info"
    assert datetime.fromisoformat(line["time"]).tzinfo
    assert (line["action"], line["status"], line["caller"]) == ("status", 200, "viewer key")
    assert (line["method"], line["caller_kind"], line["role"]) == ("GET", "key", "viewer")
    assert line["client"] == "127.0.0.1"
    assert line["milliseconds"] > 0
    assert lines[-1]["status"] == 404
    assert not any(key in server.log.read_text() for key in keys.values())


def test_not_even_debugging_shows_a_secret(
    tmp_path: Path,
    module_database_url: str,
    module_redis_url: str,
    keys: dict[str, str],
    make_type: Callable[..., str],
) -> None:
    unknown, name = make_key(), make_type()
    hidden = "https://93.184.215.14/hooks?signature=not-for-the-log"
    with serving(
        tmp_path,
        "main",
        DATABASE_URL=module_database_url,
        REDIS_URL=module_redis_url,
        LOG_LEVEL="DEBUG",
    ) as server:
        taken = server.post(
            "trigger_retraining",
            {"model_types": [name], "webhook_url": hidden},
            key=keys["operator"],
        )
        server.post("trigger_retraining", {"webhook_url": f"{hidden} "}, key=keys["operator"])
        server.get("status", unknown)
        server.ask("GET", "/status", headers={"Authorization": "Bearer a-token.of.somebody"})
        forged = 'x", "event": "forged'
        answer = server.ask("GET", "/health", headers={"X-Request-Id": forged})
        lines, log = server.log_lines(), server.log.read_text()

    assert taken.status == 202
    for secret in (keys["operator"], unknown, "not-for-the-log", "a-token.of.somebody"):
        assert secret not in log
    assert forged not in (answer.headers["X-Request-Id"], *(x.get("request_id") for x in lines))
    assert len([line for line in lines if line["event"] == "request"]) == 5
