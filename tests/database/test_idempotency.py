"""Carrying a request out once, in SQL: for users too, and never in another one's name."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from core.domain import Role
from core.errors import Forbidden, IdempotencyKeyReused, InvalidRequest
from core.store import Once, Store
from tests.database.factories import Scene, actor, digest, user


def once(key: str = "key", body: str = "body", action: str = "trigger_retraining") -> Once:
    return Once(action=action, key=key, body_hash=digest(body))


def test_a_user_is_answered_once(scene: Scene) -> None:
    scene.model_type("churn")
    tries = [once(), once()]

    answers = [
        Store(scene.database, actor=user("operator"), once=o).trigger_retraining() for o in tries
    ]

    assert answers[0] == answers[1]
    assert [o.replayed for o in tries] == [False, True]
    assert scene.row("select count(*) as n from ml_training_jobs") == {"n": 1}
    kept = scene.row("select * from private.idempotency_keys")
    assert kept["credential"] == f"user:{user().id}"


def test_a_user_gets_no_more_by_a_key_than_without(scene: Scene) -> None:
    scene.model_type("churn")

    with pytest.raises(Forbidden, match="needs the role operator"):
        Store(scene.database, actor=user("viewer"), once=once()).trigger_retraining()
    with pytest.raises(Forbidden, match="needs the role admin"):
        Store(scene.database, actor=user("operator"), once=once()).update_model_type("churn", {})

    assert scene.rows("select * from private.idempotency_keys") == []


def test_a_user_who_lost_the_role_does_not_get_the_old_answer(scene: Scene) -> None:
    scene.model_type("churn")
    Store(scene.database, actor=user("operator"), once=once()).trigger_retraining()

    with pytest.raises(Forbidden):
        Store(scene.database, actor=user("viewer"), once=once()).trigger_retraining()


@pytest.mark.parametrize(
    "function", ["create_api_key", "claim_training_job", "run_once", "get_status", "lo_import", ""]
)
def test_only_requests_of_actions_run_once(scene: Scene, function: str) -> None:
    call = {
        "p_action": "x",
        "p_key": "k",
        "p_body_hash": digest("b"),
        "p_function": function,
        "p_arguments": {},
    }
    for token in (None, user("admin")):
        with pytest.raises(InvalidRequest, match="There is no request"):
            scene.database.call("run_once", call, user=token)


def test_what_runs_once_is_in_the_class_of_requests(scene: Scene) -> None:
    listed = scene.row(
        "select prosrc from pg_proc where oid = 'private.run_once"
        "(text, text, text, text, jsonb, jsonb)'::regprocedure"
    )["prosrc"]
    requests = scene.rows(
        "select proname from pg_proc where pronamespace = 'public'::regnamespace"
        " and obj_description(oid) like 'request%%'"
    )

    named = {r["proname"] for r in requests if f"'{r['proname']}'" in listed}
    left_out = {r["proname"] for r in requests} - named

    assert len(named) == 13
    # Keys are secrets or about them; the others are the command line's.
    assert left_out == {
        "run_once",
        "create_api_key",
        "revoke_api_key",
        "list_api_keys",
        "retry_webhook_delivery",
        "import_model",
        "record_backtest",
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"p_model_types": ["churn"], "p_evil": 1}, "has no field p_evil"),
        ({"p_as_of": "yesterday-ish"}, "yesterday-ish"),
        ([], "must be an object"),
    ],
)
def test_arguments_are_checked(scene: Scene, arguments: object, message: str) -> None:
    call = {
        "p_action": "x",
        "p_key": "k",
        "p_body_hash": digest("b"),
        "p_function": "trigger_retraining",
        "p_arguments": arguments if isinstance(arguments, dict) else "[]",
    }
    with pytest.raises(InvalidRequest, match=message):
        scene.database.call("run_once", call)


def test_nobody_speaks_for_another_by_an_argument(scene: Scene) -> None:
    scene.model_type("churn")
    call = {
        "p_action": "x",
        "p_key": "k",
        "p_body_hash": digest("b"),
        "p_function": "update_model_type",
        "p_arguments": {
            "p_name": "churn",
            "p_changes": {},
            "p_actor": actor(Role.ADMIN).as_json(),
        },
        "p_actor": actor(Role.OPERATOR).as_json(),
    }
    with pytest.raises(Forbidden, match="needs the role admin"):
        scene.database.call("run_once", call)


def test_two_connections_with_one_key_make_one_row(scene: Scene) -> None:
    scene.model_type("churn")
    tries = [once(body="same") for _ in range(16)]

    def ask(attempt: Once) -> object:
        store = Store(scene.database, actor=actor(Role.OPERATOR), once=attempt)
        return store.request_check(model_types=["churn"])

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(ask, tries))

    assert len(answers) == 1
    assert sum(not o.replayed for o in tries) == 1
    assert scene.row("select count(*) as n from ml_operations") == {"n": 1}


def test_another_body_is_a_named_error(scene: Scene) -> None:
    scene.model_type("churn")
    Store(scene.database, actor=actor(Role.OPERATOR), once=once()).trigger_retraining()

    with pytest.raises(IdempotencyKeyReused, match="another body"):
        Store(
            scene.database, actor=actor(Role.OPERATOR), once=once(body="other")
        ).trigger_retraining()
