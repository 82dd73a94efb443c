"""Everything that the database, the domain and the workers name has a name for people."""

from __future__ import annotations

import ast
import re
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

import core.worker.retraining
import functions.dashboard.sign_in_links
from core.domain import (
    CheckVerdict,
    Environment,
    JobStatus,
    Role,
    ScheduleKind,
    ValidationVerdict,
)
from core.errors import ArtifactStoreUnavailable, DatabaseUnavailable, QueueUnavailable
from core.explanations.alerts import (
    alert_label,
    alert_status_label,
    explain_alert,
    severity_label,
    what_to_do,
)
from core.explanations.audit import action_label, entity_label, explain_audit
from core.explanations.audit_requests import request_label
from core.explanations.checks import verdict_label
from core.explanations.deployments import deployment_label
from core.explanations.failures import explain_failure, how_to_mend
from core.explanations.jobs import job_label, stage_label
from core.explanations.people import environment_label, is_session, role_label
from core.explanations.schedules import schedule_label
from core.explanations.validations import validation_label
from core.explanations.words import ENGLISH, Words
from functions.actions import ACTIONS
from functions.dashboard.routes import _PLACES
from tests.conftest import temporary_database, with_database
from tests.explanations.plain import LANGUAGES, is_free_of_jargon

# Operations do not skip, deployments begin active, and what happens to a delivery is its status.
NEVER = {("operation", "skipped"), ("deployment", "active"), ("webhook_delivery", "updated")}
SOMEBODY = {"kind": "user", "name": "anna@example.org"}


@pytest.fixture(params=LANGUAGES)
def words(request: pytest.FixtureRequest) -> Words:
    return LANGUAGES[request.param]


@pytest.fixture(scope="module")
def catalogue(
    postgres_url: str, postgres_admin: psycopg.Connection, template_database: str
) -> Iterator[psycopg.Connection]:
    with (
        temporary_database(postgres_admin, template=template_database) as name,
        psycopg.connect(with_database(postgres_url, name), autocommit=True) as connection,
    ):
        yield connection


def allowed(catalogue: psycopg.Connection, constraint: str) -> list[str]:
    """The words that a check allows."""
    row = catalogue.execute(
        "select pg_get_constraintdef(oid) from pg_constraint where conname = %s", (constraint,)
    ).fetchone()
    assert row is not None
    return re.findall(r"'([a-z_]+)'::text", row[0])


def members(catalogue: psycopg.Connection, enum: str) -> list[str]:
    rows = catalogue.execute(
        "select e.enumlabel from pg_enum as e join pg_type as t on t.oid = e.enumtypid "
        "where t.typname = %s",
        (enum,),
    )
    return [row[0] for row in rows]


@pytest.mark.parametrize(
    ("label", "named"),
    [
        (job_label, [*JobStatus]),
        (verdict_label, [*CheckVerdict]),
        (validation_label, [*ValidationVerdict]),
        (schedule_label, [*ScheduleKind]),
        (environment_label, [*Environment]),
        (role_label, [*Role]),
    ],
)
def test_every_word_of_the_domain_has_a_label(
    words: Words, label: Callable[[Words, str | None], str], named: list[str]
) -> None:
    labels = [is_free_of_jargon(label(words, word)) for word in named]
    assert len(set(labels)) == len(named)
    assert not set(labels) & {str(word) for word in named}


def test_every_alert_has_a_label_and_something_to_do(
    words: Words, catalogue: psycopg.Connection
) -> None:
    kinds = allowed(catalogue, "ml_alerts_kind_is_known")
    assert "performance_degradation" in kinds
    for kind in kinds:
        assert is_free_of_jargon(alert_label(words, kind)) != kind.replace("_", " ")
        assert is_free_of_jargon(what_to_do(words, kind)) != what_to_do(words, "another")
        alert = {"kind": kind, "message": "It was lost.", "occurrences": 3}
        is_free_of_jargon(explain_alert(words, alert | {"created_at": "2026-11-24T08:00:00Z"}))
    for severity in allowed(catalogue, "ml_alerts_severity_is_known"):
        assert is_free_of_jargon(severity_label(words, severity)) != severity
    statuses = members(catalogue, "ml_alert_status")
    assert len({alert_status_label(words, status) for status in statuses}) == len(statuses)


def test_every_deployment_status_has_a_label(words: Words, catalogue: psycopg.Connection) -> None:
    for status in members(catalogue, "ml_deployment_status"):
        assert is_free_of_jargon(deployment_label(words, status)) != status


def test_every_stage_of_a_job_has_a_label(words: Words) -> None:
    source = Path(core.worker.retraining.__file__).read_text(encoding="utf-8")
    stages = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", "") or getattr(node.func, "id", "")
            first = node.args[:1] if name == "_stage" else []
            named = [k.value for k in node.keywords if k.arg == "stage" and name == "Progress"]
            stages |= {v.value for v in [*first, *named] if isinstance(v, ast.Constant)}
    assert {"check", "train", "deploy"} <= stages
    for stage in stages:
        assert is_free_of_jargon(stage_label(words, str(stage))) != stage


@pytest.mark.parametrize(
    "kind",
    [
        "artifact",
        "cancelled",
        "configuration",
        "data",
        "not_approved",
        "quarantined",
        "stale_validation",
        "training_failed",
        "worker_lost",
        ArtifactStoreUnavailable.problem,
        DatabaseUnavailable.problem,
        QueueUnavailable.problem,
    ],
)
def test_every_error_that_a_job_may_end_with_says_what_mends_it(words: Words, kind: str) -> None:
    detail = "The training took longer than 60 s. The role refit_reader may not read it."
    error = {"type": kind, "status": 500, "detail": detail}
    assert detail not in is_free_of_jargon(explain_failure(words, error))
    assert is_free_of_jargon(how_to_mend(words, error)) != how_to_mend(words, {})


# The audit log ------------------------------------------------------------------------------


def audited(catalogue: psycopg.Connection) -> dict[str, list[str]]:
    """Each entity of the audit log, and what may happen to its rows."""
    rows = catalogue.execute(
        "select split_part(encode(g.tgargs, 'escape'), '\\000', 1), g.tgtype & 16 <> 0, ("
        "  select array_agg(e.enumlabel) from pg_attribute as a"
        "  join pg_enum as e on e.enumtypid = a.atttypid"
        "  where a.attrelid = g.tgrelid and a.attname = 'status'"
        "    and encode(g.tgargs, 'escape') like '%%status%%'"
        ") from pg_trigger as g join pg_proc as p on p.oid = g.tgfoid "
        "where p.proname = 'audit_change' and g.tgparentid = 0"
    ).fetchall()
    return {
        entity: ["created", *(["updated"] if changes else []), *(states or [])]
        for entity, changes, states in rows
    }


def test_everything_on_record_is_told_in_a_sentence_of_its_own(
    words: Words, catalogue: psycopg.Connection
) -> None:
    entities = audited(catalogue)
    assert {"training_job", "deployment", "api_key"} <= set(entities)
    for entity, verbs in entities.items():
        assert is_free_of_jargon(entity_label(words, entity)) != entity.replace("_", " ")
        for verb in verbs:
            if (entity, verb) in NEVER:
                continue
            action = f"{entity}.{verb}"
            row = {"action": action, "entity": entity, "model_type": "churn", "actor": SOMEBODY}
            sentence = is_free_of_jargon(explain_audit(words, row, title="Churn"))
            unknown = words.gettext("{who} did this: {action}.").format(
                who="anna@example.org", action=action_label(words, action)
            )
            assert sentence != unknown, action
            assert sentence.startswith("anna@example.org"), sentence
            is_free_of_jargon(action_label(words, action))


def test_what_is_recorded_by_hand_is_told_too() -> None:
    refused = {
        "action": "request.refused",
        "entity": "action",
        "entity_id": "deploy_model",
        "actor": {"kind": "unknown", "id": "unknown", "name": "unknown", "role": None},
        "detail": {"status": 401, "problem": "unauthenticated", "detail": "…"},
    }
    assert explain_audit(ENGLISH, refused) == "Somebody unknown was refused: deploying a model."
    event = {
        "action": "event.notify",
        "entity": "nightly",
        "entity_id": "4711",
        "actor": {"kind": "key", "name": "n8n"},
        "detail": {"outcome": "ok"},
    }
    assert explain_audit(ENGLISH, event) == "The key “n8n” reported from “nightly”: notify, ok."
    pruned = {
        "action": "partition.pruned",
        "entity": "ml_performance_metrics",
        "entity_id": "2025-01",
        "actor": {"kind": "system", "name": "housekeeping"},
    }
    told = explain_audit(ENGLISH, pruned)
    assert told == "Refit removed old records of 2025-01: Performance figures."


def test_what_nobody_has_written_a_sentence_for_is_still_told() -> None:
    row = {"action": "ml_secret.rotated", "entity": "ml_secret", "actor": SOMEBODY}
    assert explain_audit(ENGLISH, row) == "anna@example.org did this: ml secret: rotated."


def test_whoever_opens_a_sign_in_link_is_called_so_from_signing_in_to_signing_out() -> None:
    opener = {"kind": "system", "id": "1", "name": "sign-in link of anna", "role": "admin"}
    session = "browser session 2026-11-24 13:25 9abd59"
    holder = {"kind": "key", "id": "7", "name": session, "role": "admin"}
    revoked = {"after": {"revoked_at": "2026-11-24T14:00:00Z"}}
    told = [
        explain_audit(ENGLISH, row)
        for row in (
            {"action": "sign_in_link.updated", "actor": opener, "after": {"used_at": "2026-11-24"}},
            {"action": "api_key.created", "actor": opener, "after": {"name": session}},
            {"action": "api_key.updated", "actor": holder, "entity_id": "7"} | revoked,
            {"action": "api_key.updated", "actor": holder, "entity_id": "8"} | revoked,
        )
    ]
    opened = "Somebody with a sign-in link (24 Nov 2026 13:25 UTC)"
    assert told == [
        "Somebody with a sign-in link signed in.",
        "Somebody with a sign-in link opened the dashboard in a browser.",
        f"{opened} signed out.",
        f"{opened} revoked a key.",
    ]


def test_the_name_of_a_browsers_session_is_the_one_that_signing_in_gives() -> None:
    source = Path(functions.dashboard.sign_in_links.__file__).read_text(encoding="utf-8")
    (name,) = re.findall(r'key_name=f"([^"]+)"', source)
    assert name == "browser session {now:%Y-%m-%d %H:%M} {secrets.token_hex(3)}"
    now = datetime(2026, 11, 24, 13, 25, tzinfo=UTC)
    assert is_session(f"browser session {now:%Y-%m-%d %H:%M} {secrets.token_hex(3)}")
    assert not is_session("browser session of anna")


def test_everything_that_may_be_refused_is_called_by_its_own_words(words: Words) -> None:
    asked = {name for name, action in ACTIONS.items() if action.form.method == "POST"}
    posted = {
        name.partition(":")[2]
        for _path, method, name, role in _PLACES
        if method == "POST" and role is not None
    }
    assert {"create_schedule"} <= asked
    assert {"create"} <= posted
    for name in asked | posted:
        assert is_free_of_jargon(request_label(words, name)) != name.replace("_", " "), name
