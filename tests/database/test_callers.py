"""Who may call what: users by their token, machine keys by p_actor, nobody else."""

from __future__ import annotations

import json

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from core.database import PostgresDatabase
from core.domain import Role, User
from core.errors import Forbidden, InvalidRequest, RefitError, Unauthenticated
from tests.database.factories import Owner, Row, Scene, actor, claims, definition, digest, user

MISSING = "00000000-0000-4000-8000-000000000001"

# Each request with arguments that are well-formed, and the role that it needs.
REQUESTS: dict[str, tuple[str, Row]] = {
    "trigger_retraining": ("operator", {"p_model_types": ["churn"]}),
    "import_model": ("admin", {"p_model_type": "churn", "p_artifact_hash": digest("model")}),
    "record_backtest": (
        "operator",
        {"p_model_type": "churn", "p_report": {"model_type": "churn"}},
    ),
    "request_check": ("operator", {}),
    "request_validation": ("operator", {"p_model_types": ["churn"]}),
    "request_deployment": ("operator", {"p_model_types": ["churn"]}),
    "cancel_job": ("operator", {"p_id": MISSING}),
    "retry_webhook_delivery": ("operator", {"p_id": MISSING}),
    "acknowledge_alert": ("operator", {"p_id": MISSING}),
    "snooze_alert": ("operator", {"p_id": MISSING, "p_until": "2026-01-01T00:00:00Z"}),
    "record_event": (
        "operator",
        {"p_workflow": "n8n", "p_execution_id": "7", "p_step": "start", "p_outcome": "ok"},
    ),
    "rollback_model": ("admin", {"p_model_type": "churn", "p_reason": "Bad."}),
    "create_model_type": ("admin", {"p_definition": {}}),
    "update_model_type": ("admin", {"p_name": "churn", "p_changes": {}}),
    "create_schedule": (
        "admin",
        {"p_model_type": "churn", "p_kind": "performance_check", "p_cron": "* * * * *"},
    ),
    "update_schedule": ("admin", {"p_id": MISSING, "p_changes": {}}),
    "run_once": (
        "operator",
        {
            "p_action": "cancel_job",
            "p_key": "once",
            "p_body_hash": digest("body"),
            "p_function": "cancel_job",
            "p_arguments": {"p_id": MISSING},
        },
    ),
    "create_api_key": (
        "admin",
        {"p_name": "n8n", "p_role": "viewer", "p_key_hash": digest("key")},
    ),
    "revoke_api_key": ("admin", {"p_name": "n8n"}),
    "list_api_keys": ("admin", {}),
}
READS: dict[str, Row] = {
    "explain_decision": {"p_id": MISSING},
    "get_backtest": {"p_model_type": "churn"},
    "get_champion": {"p_model_type": "churn"},
    "get_digest": {"p_since": "2026-01-01T00:00:00Z", "p_until": "2026-01-08T00:00:00Z"},
    "get_job_details": {"p_id": MISSING},
    "get_model_performance_summary": {},
    "get_model_comparison": {"p_model_id": MISSING},
    "get_model_type": {"p_name": "churn"},
    "get_model_type_page": {"p_name": "churn"},
    "get_monitoring": {"p_model_type": "churn"},
    "get_operation": {"p_id": MISSING},
    "get_overview": {},
    "get_performance_series": {"p_model_type": "churn"},
    "get_quality_series": {"p_model_type": "churn"},
    "get_status": {},
    "get_training_job": {"p_id": MISSING},
    "get_training_job_stats": {},
    "list_alerts": {},
    "list_audit_logs": {},
    "list_deployments": {},
    "list_job_summaries": {},
    "list_metrics": {},
    "list_model_types": {},
    "list_model_versions": {"p_model_type": "churn"},
    "list_models": {},
    "list_notifications": {},
    "list_requested_jobs": {"p_request_id": "r"},
    "list_schedules": {},
    "list_training_jobs": {},
    "list_webhook_deliveries": {},
}
MACHINERY: dict[str, Row] = {
    "advance_schedule": {
        "p_id": MISSING,
        "p_expected_run_at": None,
        "p_next_run_at": None,
        "p_worker": "w",
    },
    "begin_training": {"p_id": MISSING, "p_lease_token": MISSING},
    "claim_notifications": {"p_worker": "w", "p_channels": "[]", "p_limit": 1},
    "claim_operation": {"p_id": MISSING, "p_worker": "w"},
    "claim_training_job": {"p_id": MISSING, "p_worker": "w"},
    "claim_webhook_deliveries": {"p_worker": "w", "p_limit": 1},
    "create_sign_in_link": {
        "p_token_hash": digest("token"),
        "p_name": "ada on desk",
        "p_role": "admin",
        "p_expires_at": "2026-01-01T00:00:00Z",
    },
    "find_api_key": {"p_key_hash": digest("key")},
    "redeem_sign_in_link": {
        "p_token_hash": digest("token"),
        "p_key_name": "browser session",
        "p_key_hash": digest("session"),
        "p_key_expires_at": "2026-01-01T00:00:00Z",
    },
    "revoke_session_key": {"p_key_hash": digest("session")},
    "finish_notification": {
        "p_id": MISSING,
        "p_lease_token": MISSING,
        "p_outcome": "delivered",
    },
    "write_digest": {"p_environment": "production", "p_due_at": "2026-01-01T00:00:00Z"},
    "finish_webhook_delivery": {
        "p_id": MISSING,
        "p_lease_token": MISSING,
        "p_outcome": "delivered",
    },
    "finish_operation": {"p_id": MISSING, "p_lease_token": MISSING, "p_outcome": {}},
    "finish_training_job": {"p_id": MISSING, "p_lease_token": MISSING, "p_outcome": {}},
    "heartbeat_operation": {"p_id": MISSING, "p_lease_token": MISSING},
    "heartbeat_training_job": {"p_id": MISSING, "p_lease_token": MISSING},
    "list_due_schedules": {},
    "record_refusal": {
        "p_actor": None,
        "p_action": "deploy_model",
        "p_status": 401,
        "p_problem": "unauthenticated",
        "p_detail": ".",
        "p_request_id": "r",
    },
    "release_operation": {"p_id": MISSING, "p_lease_token": MISSING},
    "get_health": {},
    "release_training_job": {"p_id": MISSING, "p_lease_token": MISSING},
    "report_artifact_mismatch": {"p_deployment_id": MISSING, "p_worker": "w", "p_message": "."},
    "create_partitions_ahead": {},
    "delete_expired_rows": {"p_retention": {}},
    "get_audit_seal": {},
    "prune_partitions": {"p_retention": {}},
    "seal_audit_log": {},
    "verify_audit_seals": {},
    "request_due_updates": {"p_worker": "w"},
    "sweep_lost_work": {"p_worker": "w"},
}
ASKED = {**REQUESTS, **{name: ("viewer", arguments) for name, arguments in READS.items()}}


def refusal(database: PostgresDatabase, function: str, arguments: Row, token: User | None) -> str:
    """The name of the error of a call, or "" when it was let in (whatever came of it then)."""
    try:
        database.call(function, arguments, user=token)
    except (Forbidden, Unauthenticated) as refused:
        return refused.problem
    except RefitError:
        return ""
    return ""


def execute(connection: Owner, function: str, arguments: Row) -> None:
    """Call a function in the name of whatever role the connection has."""
    call = sql.SQL("select public.{}({})").format(
        sql.Identifier(function),
        sql.SQL(", ").join(sql.SQL("{} => %s").format(sql.Identifier(name)) for name in arguments),
    )
    values = [Jsonb(v) if isinstance(v, dict) else v for v in arguments.values()]
    connection.execute(call, values)


def test_the_lists_above_name_every_public_function(scene: Scene) -> None:
    functions = {
        r["proname"]
        for r in scene.rows(
            "select proname from pg_proc where pronamespace = 'public'::regnamespace"
        )
    }

    assert functions == set(ASKED) | set(MACHINERY)


@pytest.mark.parametrize("role", [None, "viewer", "operator", "admin", "scheduler", "owner"])
def test_a_signed_in_user_is_let_in_by_the_role_in_app_metadata(
    scene: Scene, role: str | None
) -> None:
    scene.model_type("churn")
    order = ["viewer", "operator", "admin"]
    rank = order.index(role) if role in order else -1
    for function, (needed, arguments) in ASKED.items():
        expected = "" if rank >= order.index(needed) else "forbidden"
        assert refusal(scene.database, function, arguments, user(role)) == expected, function
    for function, arguments in MACHINERY.items():
        assert refusal(scene.database, function, arguments, user(role)) == "forbidden", function


@pytest.mark.parametrize("role", Role)
def test_a_machine_key_is_let_in_by_its_role(scene: Scene, role: Role) -> None:
    scene.model_type("churn")
    for function, (needed, arguments) in ASKED.items():
        expected = "" if role.allows(Role(needed)) else "forbidden"
        call = {**arguments, "p_actor": actor(role).as_json()}
        assert refusal(scene.database, function, call, None) == expected, function


def test_nobody_is_let_in_without_signing_in(scene: Scene, database_url: str) -> None:
    with psycopg.connect(database_url, row_factory=dict_row, autocommit=True) as connection:
        connection.execute("set role anon")
        for function, (_, arguments) in {
            **ASKED,
            **{name: ("", arguments) for name, arguments in MACHINERY.items()},
        }.items():
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                execute(connection, function, arguments)


def test_a_user_cannot_give_themselves_a_role(scene: Scene) -> None:
    token = user(user_metadata={"ml_role": "admin"}, ml_role="admin")

    assert refusal(scene.database, "list_model_types", {}, token) == "forbidden"
    with pytest.raises(Forbidden, match="ada@example.org has no role"):
        scene.database.call("list_model_types", {}, user=token)


def test_a_user_cannot_speak_for_another(scene: Scene) -> None:
    scene.model_type("churn")
    for function, (_, arguments) in ASKED.items():
        call = {**arguments, "p_actor": actor(Role.ADMIN).as_json()}
        with pytest.raises(Forbidden, match="p_actor is taken from the service role alone"):
            scene.database.call(function, call, user=user("admin"))


@pytest.mark.parametrize(
    "speaker",
    [
        {},
        {"kind": "key"},
        {"kind": "key", "id": "1", "name": "n", "role": "owner"},
        {"kind": "robot", "id": "1", "name": "n", "role": "admin"},
        {"kind": None, "id": "1", "name": "n", "role": "admin"},
        {"kind": "key", "id": "1", "name": "n", "role": None},
    ],
)
def test_an_actor_must_be_whole(scene: Scene, speaker: Row) -> None:
    with pytest.raises(InvalidRequest, match="p_actor must be an object with"):
        scene.database.call("list_model_types", {"p_actor": speaker})


def test_override_limits_needs_an_admin(scene: Scene) -> None:
    scene.model_type("churn")

    with pytest.raises(Forbidden, match="needs the role admin; the operator's key has"):
        scene.as_role(Role.OPERATOR).trigger_retraining(override_limits=True)
    assert scene.as_role(Role.ADMIN).trigger_retraining(override_limits=True)["jobs"]


@pytest.mark.parametrize("trigger", ["schedule", "artifact", None])
def test_a_user_starts_jobs_by_hand_and_as_nothing_else(scene: Scene, trigger: str | None) -> None:
    scene.model_type("churn")
    call = {"p_trigger": trigger}
    once = {
        "p_action": "trigger_retraining",
        "p_key": "once",
        "p_body_hash": digest("body"),
        "p_function": "trigger_retraining",
        "p_arguments": call,
    }

    for function, arguments in (("trigger_retraining", call), ("run_once", once)):
        with pytest.raises(Forbidden, match="trigger is taken from the service role"):
            scene.database.call(function, arguments, user=user("admin"))
    scene.database.call("trigger_retraining", {"p_trigger": "manual"}, user=user("operator"))
    assert scene.database.call("trigger_retraining", {"p_trigger": "schedule"})["jobs"]


def test_a_refused_request_changes_nothing(scene: Scene) -> None:
    scene.model_type("churn")
    before = scene.everything()

    for store in (scene.as_user("viewer"), scene.as_role(Role.VIEWER)):
        with pytest.raises(Forbidden, match="needs the role operator"):
            store.trigger_retraining()
        with pytest.raises(Forbidden, match="needs the role admin"):
            store.create_model_type(definition("visits"))

    assert scene.everything() == before


def test_a_signed_in_admin_walks_the_whole_way(scene: Scene) -> None:
    store = scene.as_user("admin")
    store.create_model_type(definition("churn"))
    store.trigger_retraining(model_types=["churn"])

    assert [t.name for t in scene.as_user("viewer").list_model_types()] == ["churn"]
    job = scene.row("select * from ml_training_jobs")
    assert job["requested_by"] == {
        "kind": "user",
        "id": claims()["sub"],
        "name": "ada@example.org",
        "role": "admin",
    }
    assert store.get_status()["queue"]["jobs"] == 1
    assert store.get_training_job(job["id"])["status"] == "queued"


# Database roles that are not Refit's own -----------------------------------------------------


@pytest.mark.parametrize("parent", ["authenticated", "service_role"])
def test_a_role_that_inherits_gets_nothing(scene: Scene, database_url: str, parent: str) -> None:
    scene.model_type("churn")
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        # The role is gone with the transaction.
        connection.execute(
            sql.SQL("create role partner inherit in role {}").format(sql.Identifier(parent))
        )
        connection.execute("set local role partner")
        connection.execute(
            "select set_config('request.jwt.claims', %s, true)", (json.dumps(claims("admin")),)
        )
        assert connection.execute("select from public.ml_model_types").fetchall() == []
        for function, (_, arguments) in ASKED.items():
            for speaker in ({}, {"p_actor": actor(Role.ADMIN).as_json()}):
                with (
                    pytest.raises(psycopg.Error, match="partner may do nothing here") as refused,
                    connection.transaction(),
                ):
                    execute(connection, function, {**arguments, **speaker})
                assert refused.value.sqlstate == "PT403", function
        connection.rollback()


def test_the_owner_of_refit_is_an_admin_without_being_a_superuser(
    scene: Scene, database_url: str
) -> None:
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        connection.execute("create role keeper inherit in role service_role")
        connection.execute("set local role keeper")
        with pytest.raises(psycopg.Error, match="keeper may do nothing"), connection.transaction():
            execute(connection, "list_model_types", {})
        connection.execute(
            "reset role; alter schema private owner to keeper; set local role keeper"
        )

        execute(connection, "list_model_types", {})

        connection.rollback()


def test_a_superuser_at_the_prompt_is_an_admin(scene: Scene) -> None:
    made = scene.owner.execute(
        "select public.create_model_type(%s) as made", (Jsonb(definition()),)
    ).fetchone()

    assert made is not None
    assert scene.store.get_model_type("churn").name == "churn"


def test_a_lease_token_that_a_viewer_reads_is_of_no_use(scene: Scene) -> None:
    scene.model_type("churn")
    job = scene.running_job()
    arguments = {"p_id": job.id, "p_lease_token": job.lease_token}

    for function in ("heartbeat_training_job", "release_training_job"):
        assert refusal(scene.database, function, arguments, user("admin")) == "forbidden"
