"""What the doctor says of a Supabase project's keys."""

from __future__ import annotations

from typing import Any

import pytest

from core.doctor.findings import Finding, Outcome, look
from core.doctor.supabase import look_at_supabase
from core.settings import Settings
from tests.supabase.project import Project
from tests.supabase.wire import Reply


def findings(project: Project, **changes: Any) -> list[Finding]:
    """Of a project whose variables are right but for these."""
    variables: dict[str, Any] = {**project.environ, "DATABASE_URL": None, **changes}
    return look("supabase", look_at_supabase, Settings(**variables))


def test_right_keys_are_well(project: Project) -> None:
    assert [f.outcome for f in findings(project)] == [Outcome.OK, Outcome.OK]


def test_without_a_project_there_is_nothing_to_say(project: Project) -> None:
    assert findings(project, SUPABASE_URL=None) == []


def test_legacy_keys_are_well_too(project: Project) -> None:
    found = findings(
        project,
        SUPABASE_SECRET_KEY=project.legacy_key("service_role"),
        SUPABASE_PUBLISHABLE_KEY=project.legacy_key("anon"),
    )

    assert [f.outcome for f in found] == [Outcome.OK, Outcome.OK]


@pytest.mark.parametrize("variable", ["SUPABASE_SECRET_KEY", "SUPABASE_PUBLISHABLE_KEY"])
def test_a_missing_key_is_named(project: Project, variable: str) -> None:
    (warning,) = [f for f in findings(project, **{variable: None}) if f.outcome is Outcome.WARN]

    assert variable in warning.what
    assert warning.mend is not None


@pytest.mark.parametrize("legacy", [False, True])
def test_keys_that_are_mixed_up_fail_and_are_not_shown(project: Project, legacy: bool) -> None:
    secret = project.legacy_key("service_role") if legacy else project.secret_key
    publishable = project.legacy_key("anon") if legacy else project.publishable_key

    (shown,) = findings(project, SUPABASE_PUBLISHABLE_KEY=secret)
    (powerless,) = findings(project, SUPABASE_SECRET_KEY=publishable)

    assert (shown.outcome, powerless.outcome) == (Outcome.FAIL, Outcome.FAIL)
    assert "SUPABASE_PUBLISHABLE_KEY holds a secret key" in shown.what
    assert "SUPABASE_SECRET_KEY holds no secret key" in powerless.what
    assert secret not in repr(shown)
    assert publishable not in repr(powerless)


def test_a_legacy_project_needs_its_secret(project: Project) -> None:
    project.signing_keys.clear()

    (_, without) = findings(project)
    (_, with_it) = findings(project, SUPABASE_JWT_SECRET=project.jwt_secret)

    assert without.outcome is Outcome.WARN
    assert "SUPABASE_JWT_SECRET" in (without.mend or "")
    assert with_it.outcome is Outcome.OK


@pytest.mark.parametrize(
    "answer", [Reply(status=404, text=""), Reply(text="<html>"), Reply(body=[])]
)
def test_an_address_of_something_else_fails(project: Project, answer: Reply) -> None:
    project.only_answer = answer

    assert [f.outcome for f in findings(project)] == [Outcome.OK, Outcome.FAIL]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "x.supabase.co", "http://[odd"])
def test_an_address_where_nothing_answers_fails(project: Project, url: str) -> None:
    last = findings(project, SUPABASE_URL=url)[-1]

    assert last.outcome is Outcome.FAIL
    assert "SUPABASE_URL" in (last.mend or "")
