"""Granting roles to people who sign in with Supabase, and listing those who have one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from typer.testing import Result

from core.supabase import accounts
from tests.supabase.auth_api import make_user
from tests.supabase.project import Project
from tests.supabase.wire import Reply

Refit = Callable[..., Result]


@pytest.fixture
def ada(project: Project) -> dict[str, Any]:
    """Somebody among others, with metadata that other programs rely on."""
    people = [make_user(f"{number}@example.org") for number in range(3)]
    ada = make_user("Ada@Example.org", plan="gold", limits={"rows": 7})
    for person in (*people, ada, make_user(None)):
        project.users[person["id"]] = person
    return ada


def records(url: str) -> list[dict[str, Any]]:
    """What the audit log says of grants, oldest first."""
    with psycopg.connect(url, row_factory=dict_row) as owner:
        return owner.execute(
            "select actor, entity_id, detail from workflow_audit_logs "
            "where action = 'event.grant_role' order by created_at"
        ).fetchall()


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_a_granted_role_is_in_app_metadata_beside_what_was_there(
    refit: Refit, ada: dict[str, Any], role: str
) -> None:
    granted = refit("users", "grant", "ada@example.ORG", role)

    assert granted.exit_code == 0, granted.output
    assert f"Ada@Example.org has the role {role}." in granted.stdout
    assert "next token" in granted.stderr
    assert ada["app_metadata"] == {
        "provider": "email",
        "providers": ["email"],
        "plan": "gold",
        "limits": {"rows": 7},
        "ml_role": role,
    }
    assert ada["user_metadata"] == {"name": "kept"}


def test_none_takes_the_role_away_and_nothing_else(refit: Refit, ada: dict[str, Any]) -> None:
    before = dict(ada["app_metadata"])
    refit("users", "grant", "ada@example.org", "admin")

    taken = refit("users", "grant", "ada@example.org", "none")

    assert taken.exit_code == 0, taken.output
    assert "no role any more" in taken.stdout
    assert ada["app_metadata"] == before


def test_a_grant_is_on_record(refit: Refit, ada: dict[str, Any], database_url: str) -> None:
    refit("users", "grant", "ada@example.org", "viewer")
    refit("users", "grant", "ada@example.org", "admin")

    rows = records(database_url)

    assert {(row["actor"]["name"], row["entity_id"]) for row in rows} == {
        ("command line", ada["id"])
    }
    assert [row["detail"]["outcome"] for row in rows] == ["asked", "granted"] * 2
    assert [row["detail"]["detail"] for row in rows[1:3]] == [
        {"email": "Ada@Example.org", "before": None, "after": "viewer"},
        {"email": "Ada@Example.org", "before": "viewer", "after": "admin"},
    ]


def test_a_grant_is_recorded_through_database_url_where_it_is_set(
    refit: Refit, ada: dict[str, Any], project: Project, database_url: str
) -> None:
    granted = refit("users", "grant", "ada@example.org", "viewer", DATABASE_URL=database_url)

    assert granted.exit_code == 0, granted.output
    assert len(records(database_url)) == 2
    assert not any("/rpc/" in request.path for request in project.requests)


def test_what_cannot_be_recorded_is_not_granted(
    refit: Refit, ada: dict[str, Any], empty_database_url: str
) -> None:
    refused = refit("users", "grant", "ada@example.org", "admin", DATABASE_URL=empty_database_url)

    assert refused.exit_code == 1
    assert "refit migrate" in refused.stderr
    assert "ml_role" not in ada["app_metadata"]


def test_a_grant_that_failed_is_on_record_too(
    refit: Refit,
    ada: dict[str, Any],
    project: Project,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = project.answer

    def refuse_changes(request: Any) -> Reply:
        if request.method == "PUT":
            return Reply(status=500, body={"code": 500, "msg": "Database error updating user"})
        return answer(request)

    monkeypatch.setattr(project, "answer", refuse_changes)

    failed = refit("users", "grant", "ada@example.org", "admin")

    assert failed.exit_code == 1
    assert "Database error updating user" in failed.stderr
    assert [row["detail"]["outcome"] for row in records(database_url)] == ["asked", "failed"]


def test_somebody_on_a_later_page_is_found(
    refit: Refit, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "_PER_PAGE", 10)
    for number in range(35):
        person = make_user(f"user-{number}@example.org")
        project.users[person["id"]] = person

    granted = refit("users", "grant", "user-34@example.org", "viewer")
    listed = refit("users", "list", "--all", "--json")

    assert granted.exit_code == 0, granted.output
    assert person["app_metadata"]["ml_role"] == "viewer"
    assert len(json.loads(listed.stdout)["items"]) == 35


def test_an_address_that_nobody_has_is_named(
    refit: Refit, ada: dict[str, Any], database_url: str
) -> None:
    refused = refit("users", "grant", "grace@example.org", "viewer")

    assert refused.exit_code == 1
    assert "grace@example.org" in refused.stderr
    assert records(database_url) == []


def test_an_address_of_several_accounts_asks_for_an_id(
    refit: Refit, ada: dict[str, Any], project: Project
) -> None:
    twin = make_user("ada@example.org")
    project.users[twin["id"]] = twin

    refused = refit("users", "grant", "ada@example.org", "viewer")
    granted = refit("users", "grant", twin["id"], "viewer")

    assert refused.exit_code == 1
    assert ada["id"] in refused.stderr
    assert twin["id"] in refused.stderr
    assert granted.exit_code == 0, granted.output
    assert twin["app_metadata"]["ml_role"] == "viewer"
    assert "ml_role" not in ada["app_metadata"]


@pytest.mark.parametrize("role", ["owner", "scheduler", "", "ADMIN"])
def test_a_role_that_does_not_exist_is_misuse(refit: Refit, ada: dict[str, Any], role: str) -> None:
    refused = refit("users", "grant", "ada@example.org", role)

    assert refused.exit_code == 2
    assert "ml_role" not in ada["app_metadata"]


def test_the_list_shows_who_has_a_role(refit: Refit, ada: dict[str, Any]) -> None:
    assert "Nobody has a role yet" in refit("users", "list").stderr
    granted = refit("users", "grant", "ada@example.org", "operator", "--json")

    (listed,) = json.loads(refit("users", "list", "--json").stdout)["items"]
    shown = refit("users", "list").stdout
    everybody = json.loads(refit("users", "list", "--all", "--json").stdout)["items"]

    assert listed == json.loads(granted.stdout)
    assert listed == {
        "id": ada["id"],
        "email": "Ada@Example.org",
        "ml_role": "operator",
        "last_sign_in_at": None,
    }
    assert "operator" in shown
    assert len(everybody) == 5


@pytest.mark.parametrize("command", [("list",), ("grant", "ada@example.org", "viewer")])
@pytest.mark.parametrize("variable", ["SUPABASE_URL", "SUPABASE_SECRET_KEY"])
def test_a_missing_variable_is_named(refit: Refit, command: tuple[str, ...], variable: str) -> None:
    refused = refit("users", *command, **{variable: ""})

    assert refused.exit_code == 1
    assert f"{variable} is not set" in refused.stderr


@pytest.mark.parametrize("which", ["wrong", "publishable"])
def test_a_key_that_may_not_grant_is_named_and_not_shown(
    refit: Refit, project: Project, ada: dict[str, Any], which: str
) -> None:
    key = "sb_secret_wrong" if which == "wrong" else project.publishable_key

    refused = refit("users", "list", SUPABASE_SECRET_KEY=key)
    traced = refit("users", "list", "--debug", SUPABASE_SECRET_KEY=key)

    assert refused.exit_code == 1
    assert "SUPABASE_SECRET_KEY" in refused.stderr
    assert key not in refused.output + traced.output
    assert "Traceback" in traced.stderr


@pytest.mark.parametrize(
    "answer",
    [
        Reply(status=502, text="<html>"),
        Reply(text="<html>"),
        Reply(body={"users": "odd"}),
        Reply(status=404, text="Not here"),
    ],
)
def test_a_project_that_answers_oddly_is_said_in_a_line(
    refit: Refit, project: Project, answer: Reply
) -> None:
    project.only_answer = answer

    refused = refit("users", "list")

    assert refused.exit_code == 1
    assert "SUPABASE_URL" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_a_project_that_is_away_is_said(refit: Refit) -> None:
    refused = refit("users", "list", SUPABASE_URL="http://127.0.0.1:9")

    assert refused.exit_code == 1
    assert "does not answer" in refused.stderr
