"""Machine keys: made and revoked by admins, found by their hash while they stand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.domain import Actor, Role
from core.errors import Conflict, InvalidRequest, NotFound
from tests.database.factories import Row, Scene, digest

PAST, FUTURE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("role", Role)
def test_a_key_is_found_by_its_hash_with_name_and_role(scene: Scene, role: Role) -> None:
    made = scene.store.create_api_key(
        name="n8n", role=role, key_hash=digest("key"), expires_at=FUTURE
    )

    assert scene.store.find_api_key(digest("key")) == Actor(
        kind="key", id=made["id"], name="n8n", role=role
    )
    assert scene.store.find_api_key(digest("another")) is None


def test_nobody_is_shown_a_hash(scene: Scene) -> None:
    made = scene.store.create_api_key(name="n8n", role=Role.VIEWER, key_hash=digest("key"))

    shown = [made, *scene.store.list_api_keys()["items"], scene.store.revoke_api_key("n8n")]

    assert len(shown) == 3
    assert digest("key") not in str(shown)
    assert digest("key") not in str(scene.rows("select * from workflow_audit_logs"))


def test_an_expired_key_is_not_found(scene: Scene) -> None:
    scene.store.create_api_key(
        name="n8n", role=Role.VIEWER, key_hash=digest("key"), expires_at=PAST
    )

    assert scene.store.find_api_key(digest("key")) is None


def test_a_revoked_key_never_works_again_and_frees_its_name(scene: Scene) -> None:
    scene.store.create_api_key(name="n8n", role=Role.VIEWER, key_hash=digest("old"))

    scene.store.revoke_api_key("n8n")

    assert scene.store.find_api_key(digest("old")) is None
    with pytest.raises(NotFound, match="no standing key named n8n"):
        scene.store.revoke_api_key("n8n")
    scene.store.create_api_key(name="n8n", role=Role.VIEWER, key_hash=digest("new"))
    assert scene.store.find_api_key(digest("new")) is not None
    assert scene.store.find_api_key(digest("old")) is None


def test_a_name_is_taken_once(scene: Scene) -> None:
    scene.store.create_api_key(name="n8n", role=Role.VIEWER, key_hash=digest("one"))

    with pytest.raises(Conflict, match="a key named n8n already"):
        scene.store.create_api_key(name="n8n", role=Role.ADMIN, key_hash=digest("two"))

    assert scene.store.find_api_key(digest("two")) is None


def test_looking_up_notes_the_last_use_once_a_minute(scene: Scene) -> None:
    scene.store.create_api_key(name="n8n", role=Role.VIEWER, key_hash=digest("key"))

    scene.store.find_api_key(digest("key"))
    first = scene.row("select last_used_at from private.api_keys")["last_used_at"]
    scene.store.find_api_key(digest("key"))

    assert first is not None
    assert scene.row("select last_used_at from private.api_keys")["last_used_at"] == first


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"p_role": "owner"}, "role must be viewer, operator, admin or scheduler"),
        ({"p_name": ""}, "name must have 1 to 100 characters"),
        ({"p_name": "x" * 101}, "name must have 1 to 100 characters"),
        ({"p_key_hash": "rft_plain"}, "api_keys_hash_is_sha256"),
    ],
)
def test_a_bad_key_is_refused_in_a_sentence(scene: Scene, changes: Row, message: str) -> None:
    arguments = {"p_name": "n8n", "p_role": "viewer", "p_key_hash": digest("key")}

    with pytest.raises(InvalidRequest, match=message):
        scene.database.call("create_api_key", {**arguments, **changes})
