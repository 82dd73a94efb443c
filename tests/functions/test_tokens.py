"""Signed-in users at the functions: beside Supabase without DATABASE_URL, and with it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from core.queue import Doorbell
from tests.functions.served import PATH, ROOT, Answer, Server, serving
from tests.supabase.project import Project, running_project

Ask = Callable[..., Answer]


@pytest.fixture(scope="module")
def project(module_database_url: str) -> Iterator[Project]:
    with running_project(module_database_url) as project:
        yield project


@pytest.fixture(scope="module")
def beside_supabase(
    tmp_path_factory: pytest.TempPathFactory, project: Project, module_redis_url: str
) -> Iterator[Server]:
    """Functions that know the project's address and keys, and no DATABASE_URL."""
    folder: Path = tmp_path_factory.mktemp("beside")
    with serving(
        folder,
        "main",
        **project.environ,
        REDIS_URL=module_redis_url,
        THREADS="4",
        LOG_LEVEL="DEBUG",
    ) as server:
        yield server


@pytest.fixture(scope="module")
def with_database(
    tmp_path_factory: pytest.TempPathFactory,
    project: Project,
    module_database_url: str,
    module_redis_url: str,
) -> Iterator[Server]:
    """Functions with DATABASE_URL, which take the project's tokens too."""
    folder: Path = tmp_path_factory.mktemp("with")
    with serving(
        folder,
        "main",
        SUPABASE_URL=project.address,
        DATABASE_URL=module_database_url,
        REDIS_URL=module_redis_url,
        THREADS="4",
    ) as server:
        yield server


@pytest.fixture(params=["beside_supabase", "with_database"])
def either(request: pytest.FixtureRequest) -> Server:
    server: Server = request.getfixturevalue(request.param)
    return server


def ask(server: Server, token: str, action: str, body: Any = None, **headers: str) -> Answer:
    """Ask with a user's token."""
    return server.ask(
        "GET" if body is None else "POST",
        f"{PATH}?action={action}",
        None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", **headers},
    )


def jobs_of(url: str, model_type: str) -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row) as owner:
        return owner.execute(
            "select j.id::text, j.status, a.actor from ml_training_jobs as j "
            "join workflow_audit_logs as a on a.entity_id = j.id::text where j.model_type = %s",
            (model_type,),
        ).fetchall()


@pytest.fixture
def rung(module_redis_url: str) -> Iterator[Callable[[], set[str]]]:
    """The ids that the queue holds."""
    doorbell = Doorbell(module_redis_url)
    yield lambda: doorbell.waiting_ids(1000) or set()
    doorbell.close()


def test_a_viewer_reads_and_may_not_trigger(
    either: Server, project: Project, make_type: Callable[..., str], module_database_url: str
) -> None:
    name, token = make_type(), project.token("viewer")

    status = ask(either, token, "status")
    refused = ask(either, token, "trigger_retraining", {"model_types": [name]})

    assert status.status == 200, status.text
    assert "models" in status.body
    assert refused.status == 403, refused.text
    assert refused.is_problem
    assert "needs the role operator" in refused.body["detail"]
    assert jobs_of(module_database_url, name) == []


def test_an_operator_triggers_a_row_and_the_queue_rings(
    either: Server,
    project: Project,
    make_type: Callable[..., str],
    module_database_url: str,
    rung: Callable[[], set[str]],
) -> None:
    name = make_type()

    answer = ask(either, project.token("operator"), "trigger_retraining", {"model_types": [name]})

    assert answer.status == 202, answer.text
    (job,) = jobs_of(module_database_url, name)
    assert (job["id"], job["status"]) == (answer.body["jobs"][0]["id"], "queued")
    assert (job["actor"]["kind"], job["actor"]["name"]) == ("user", "ada@example.org")
    assert job["id"] in rung()


def test_a_machine_key_works_without_a_database_url(
    beside_supabase: Server,
    project: Project,
    keys: dict[str, str],
    make_type: Callable[..., str],
    module_database_url: str,
) -> None:
    name = make_type()

    read = beside_supabase.get("status", keys["viewer"])
    refused = beside_supabase.post("trigger_retraining", {}, key=keys["viewer"])
    triggered = beside_supabase.post(
        "trigger_retraining", {"model_types": [name]}, key=keys["operator"]
    )

    assert (read.status, refused.status, triggered.status) == (200, 403, 202), triggered.text
    (job,) = jobs_of(module_database_url, name)
    assert (job["actor"]["kind"], job["actor"]["name"]) == ("key", "operator key")


def test_a_users_calls_go_under_their_own_token(beside_supabase: Server, project: Project) -> None:
    token = project.token("viewer")
    project.requests.clear()

    assert ask(beside_supabase, token, "status").status == 200

    calls = [request for request in project.requests if "/rpc/" in request.path]
    assert calls
    for call in calls:
        assert call.headers["authorization"] == f"Bearer {token}"
        assert call.headers["apikey"] == project.publishable_key


def test_every_read_is_answered_through_the_data_api(
    beside_supabase: Server, project: Project, keys: dict[str, str]
) -> None:
    token = project.token("viewer")
    actions = ["status", "metrics", "models", "history", "deployments", "schedules", "alerts"]

    for action in [*actions, "audit"]:
        by_token = ask(beside_supabase, token, action)
        by_key = beside_supabase.get(action, keys["viewer"])
        assert (by_token.status, by_key.status) == (200, 200), (action, by_token.text, by_key.text)
    health = beside_supabase.get("health")
    assert health.body["database"] == "ok", health.text


def test_an_idempotency_key_counts_through_the_data_api(
    beside_supabase: Server,
    project: Project,
    make_type: Callable[..., str],
    module_database_url: str,
) -> None:
    name, token = make_type(), project.token("operator")

    first, again = (
        ask(
            beside_supabase,
            token,
            "trigger_retraining",
            {"model_types": [name]},
            **{"Idempotency-Key": "once"},
        )
        for _ in range(2)
    )

    assert (first.status, again.status) == (202, 202)
    assert first.body == again.body
    assert len(jobs_of(module_database_url, name)) == 1


def test_an_admin_makes_a_model_type_through_the_data_api(
    beside_supabase: Server, project: Project
) -> None:
    body = {
        "name": "made_by_token",
        "title": "Größe",
        "task": "classification",
        "source_relation": "public.rows",
        "key_columns": ["id"],
        "time_column": "happened_at",
        "target_column": "label",
        "feature_columns": ["a", "b"],
        "metric": "accuracy",
    }

    refused = ask(beside_supabase, project.token("operator"), "create_model_type", body)
    made = ask(beside_supabase, project.token("admin"), "create_model_type", body)
    again = ask(beside_supabase, project.token("admin"), "create_model_type", body)

    assert (refused.status, made.status, again.status) == (403, 201, 409), made.text
    assert "Größe" in made.text


def test_an_unknown_model_type_is_named_through_the_data_api(
    beside_supabase: Server, project: Project
) -> None:
    answer = ask(
        beside_supabase,
        project.token("operator"),
        "trigger_retraining",
        {"model_types": ["nothing_of_the_kind"]},
    )

    assert answer.status == 422, answer.text
    assert answer.body["type"].endswith("unknown_model_type")
    assert "nothing_of_the_kind" in answer.body["detail"]


def test_a_user_without_a_role_hears_how_to_get_one(either: Server, project: Project) -> None:
    answer = ask(either, project.token(None), "status")

    assert answer.status == 403
    assert "refit users grant" in answer.body["detail"]


@pytest.mark.parametrize(
    ("header", "challenge"),
    [
        ("Bearer eyJhbGciOiJub25lIn0.e30.", 'Bearer realm="refit", error="invalid_token"'),
        ("bearer x", 'Bearer realm="refit", error="invalid_token"'),
        ("Bearer", 'Bearer realm="refit", error="invalid_token"'),
        ("Basic YWRhOngx", 'Bearer realm="refit"'),
        ("", 'Bearer realm="refit"'),
    ],
)
def test_a_refusal_says_which_credentials_are_taken(
    either: Server, header: str, challenge: str
) -> None:
    answer = either.ask("GET", f"{PATH}?action=status", headers={"Authorization": header})

    assert answer.status == 401
    assert answer.is_problem
    assert answer.headers["WWW-Authenticate"] == challenge


def test_a_token_that_was_changed_is_refused(either: Server, project: Project) -> None:
    head, body, signature = project.token("viewer").split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["app_metadata"]["ml_role"] = "admin"
    promoted = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")

    answer = ask(either, f"{head}.{promoted}.{signature}", "status")

    assert answer.status == 401
    assert "signature" in answer.body["detail"]


def test_a_key_wins_over_an_authorization_header(
    either: Server, project: Project, keys: dict[str, str]
) -> None:
    # As where a platform's own gate takes that header.
    for token in ("somebody-else's", project.token("admin")):
        answer = ask(either, token, "trigger_retraining", {}, **{"X-API-Key": keys["viewer"]})
        assert answer.status == 403
        assert "viewer key has the role viewer" in answer.body["detail"]
    assert ask(either, project.token("admin"), "status", **{"X-API-Key": "rft_"}).status == 401


def test_the_log_names_the_user_and_has_no_token_and_no_key(
    beside_supabase: Server, project: Project
) -> None:
    token = project.token("viewer", email="grace@example.org")
    ask(beside_supabase, token, "status")
    ask(beside_supabase, token + "x", "status")

    log = beside_supabase.log.read_text()

    assert "grace@example.org" in log
    for secret in (*token.split("."), project.secret_key, project.publishable_key):
        assert secret not in log


def test_keys_that_cannot_be_fetched_are_a_503_with_retry_after(
    tmp_path: Path, project: Project, module_database_url: str, module_redis_url: str
) -> None:
    with serving(
        tmp_path,
        "status",
        SUPABASE_URL="http://127.0.0.1:9",
        DATABASE_URL=module_database_url,
        REDIS_URL=module_redis_url,
    ) as server:
        answer = server.ask("GET", "/", headers={"Authorization": f"Bearer {project.token()}"})

    assert answer.status == 503
    assert answer.is_problem
    assert answer.headers["Retry-After"]


def test_without_any_database_the_variables_are_named(
    tmp_path: Path, module_redis_url: str, keys: dict[str, str]
) -> None:
    with serving(tmp_path, "status", REDIS_URL=module_redis_url) as server:
        neither = server.ask("GET", "/", key=keys["viewer"])
    with serving(
        tmp_path, "status", REDIS_URL=module_redis_url, SUPABASE_URL="https://x.supabase.co"
    ) as server:
        keyless = server.ask("GET", "/", key=keys["viewer"])

    assert neither.status == keyless.status == 500
    assert "Neither DATABASE_URL nor SUPABASE_URL" in neither.body["detail"]
    assert "SUPABASE_SECRET_KEY" in keyless.body["detail"]


def test_neither_jwt_nor_supabase_is_loaded_before_it_is_needed() -> None:
    script = """
import sys
import functions.main
from core.database import open_database
from core.settings import Settings
from core.web.tokens import UserTokens
settings = Settings(SUPABASE_URL="http://127.0.0.1:9", SUPABASE_SECRET_KEY="sb_secret_x")
open_database(settings), UserTokens(settings)
print(sorted({"jwt", "cryptography.hazmat", "supabase", "postgrest"} & set(sys.modules)))
"""
    loaded = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )

    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.strip() == "[]"
