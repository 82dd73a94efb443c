"""One-time links: opened once, by one browser, which then holds a key until it signs out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import psycopg
import pytest

from core.database import PostgresDatabase
from core.domain import Actor, Role
from core.errors import Conflict, InvalidRequest, SignInLinkNotValid
from core.store import Store
from tests.database.factories import Row, Scene, digest


def soon(**lasts: float) -> datetime:
    return datetime.now(UTC) + timedelta(**lasts)


def make_link(scene: Scene, link: str = "link", **changes: object) -> Row:
    given = {
        "p_token_hash": digest(link),
        "p_name": "ada on desk",
        "p_role": "admin",
        "p_expires_at": soon(hours=1),
    }
    made: Row = scene.database.call("create_sign_in_link", {**given, **changes})
    return made


def redeem(store: Store, link: str = "link", key: str = "session") -> Actor:
    return store.redeem_sign_in_link(
        digest(link),
        key_name=f"browser session {key}",
        key_hash=digest(key),
        key_expires_at=soon(hours=12),
    )


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.ADMIN])
def test_a_link_gives_its_browser_a_key_of_the_links_role(scene: Scene, role: Role) -> None:
    make_link(scene, p_role=str(role))

    actor = redeem(scene.store)

    assert (actor.kind, actor.name, actor.role) == ("key", "browser session session", role)
    standing = scene.store.find_standing_key(digest("session"))
    assert standing is not None
    assert standing.actor == actor
    assert standing.expires_in_s == pytest.approx(12 * 3600, abs=60)


def test_a_link_serves_once(scene: Scene) -> None:
    make_link(scene)
    redeem(scene.store)

    with pytest.raises(SignInLinkNotValid, match="opened before, has expired, or was never made"):
        redeem(scene.store, key="another")

    assert scene.store.find_api_key(digest("another")) is None


def test_of_many_browsers_that_open_a_link_at_once_one_is_let_in(
    scene: Scene, database_url: str
) -> None:
    make_link(scene)
    barrier = Barrier(8)

    def browser(number: int) -> object:
        database = PostgresDatabase(database_url, max_connections=1)
        try:
            barrier.wait(10)
            return redeem(Store(database), key=f"browser {number}")
        except SignInLinkNotValid as exc:
            return exc
        finally:
            database.close()

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(browser, range(8)))

    assert sum(isinstance(outcome, Actor) for outcome in outcomes) == 1
    assert len(scene.rows("select id from private.api_keys where is_session")) == 1


def test_who_comes_second_waits_for_the_first_and_is_refused(
    scene: Scene, database_url: str
) -> None:
    make_link(scene)
    call = "select public.redeem_sign_in_link(%s, %s, %s, now() + interval '1 hour')"
    with psycopg.connect(database_url) as first, ThreadPoolExecutor(1) as pool:
        first.execute(call, (digest("link"), "first", digest("first")))
        second = pool.submit(redeem, scene.store)
        with pytest.raises(TimeoutError):
            second.result(timeout=0.5)
        first.commit()
        with pytest.raises(SignInLinkNotValid):
            second.result(timeout=10)


def test_who_comes_second_is_let_in_when_the_first_fails(scene: Scene, database_url: str) -> None:
    make_link(scene)
    call = "select public.redeem_sign_in_link(%s, %s, %s, now() + interval '1 hour')"
    with psycopg.connect(database_url) as first, ThreadPoolExecutor(1) as pool:
        first.execute(call, (digest("link"), "first", digest("first")))
        second = pool.submit(redeem, scene.store)
        first.rollback()
        assert second.result(timeout=10).role is Role.ADMIN


def test_an_expired_link_and_an_unknown_one_are_refused_alike(scene: Scene) -> None:
    make_link(scene, "old", p_expires_at=soon(seconds=-1))

    said = set()
    for token in ("old", "never made"):
        with pytest.raises(SignInLinkNotValid) as refused:
            redeem(scene.store, token)
        said.add(str(refused.value))

    assert len(said) == 1
    assert scene.rows("select id from private.api_keys") == []


def test_a_key_that_cannot_be_made_leaves_the_link_as_it_was(scene: Scene) -> None:
    make_link(scene)
    scene.store.create_api_key(
        name="browser session session", role=Role.VIEWER, key_hash=digest("other")
    )

    with pytest.raises(Conflict, match="a key named browser session session already"):
        redeem(scene.store)

    assert redeem(scene.store, key="another").role is Role.ADMIN


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"p_role": "scheduler"}, "role must be viewer, operator or admin"),
        ({"p_name": ""}, "name must have 1 to 80 characters"),
        ({"p_token_hash": "plain"}, "token_hash must be a SHA-256"),
        ({"p_expires_at": soon(days=2)}, "expires_at must be within a day"),
    ],
)
def test_a_bad_link_is_refused_in_a_sentence(scene: Scene, changes: Row, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        make_link(scene, **changes)


@pytest.mark.parametrize("expires_at", [None, soon(days=2)])
def test_a_browsers_key_ends_within_a_day(scene: Scene, expires_at: datetime | None) -> None:
    make_link(scene)

    with pytest.raises(InvalidRequest, match="key_expires_at must be within a day"):
        scene.database.call(
            "redeem_sign_in_link",
            {
                "p_token_hash": digest("link"),
                "p_key_name": "browser session",
                "p_key_hash": digest("session"),
                "p_key_expires_at": expires_at,
            },
        )


def test_signing_out_revokes_a_browsers_key_and_no_other(scene: Scene) -> None:
    scene.store.create_api_key(name="n8n", role=Role.VIEWER, key_hash=digest("n8n"))
    make_link(scene)
    redeem(scene.store)

    assert scene.store.revoke_session_key(digest("session"))
    assert not scene.store.revoke_session_key(digest("session"))
    assert not scene.store.revoke_session_key(digest("n8n"))

    assert scene.store.find_api_key(digest("session")) is None
    assert scene.store.find_api_key(digest("n8n")) is not None


def test_the_audit_log_tells_of_link_key_and_sign_out_without_a_secret(scene: Scene) -> None:
    link = make_link(scene)
    redeem(scene.store)
    scene.store.revoke_session_key(digest("session"))

    rows = scene.rows("select action, actor, after from workflow_audit_logs order by created_at")

    assert [row["action"] for row in rows] == [
        "sign_in_link.created",
        "sign_in_link.updated",
        "api_key.created",
        "api_key.updated",
    ]
    assert rows[2]["actor"]["name"] == "sign-in link of ada on desk"
    assert rows[2]["actor"]["id"] == link["id"]
    assert rows[3]["actor"]["name"] == "browser session session"
    for secret in ("link", "session"):
        assert digest(secret) not in str(rows)


def test_nobody_is_shown_a_hash(scene: Scene) -> None:
    shown = [make_link(scene), redeem(scene.store), scene.store.list_api_keys()]

    assert not any(digest(secret) in str(shown) for secret in ("link", "session"))


def test_what_expired_over_a_day_ago_goes_with_the_next_link(scene: Scene) -> None:
    make_link(scene, "old")
    make_link(scene, "lately")
    redeem(scene.store, "lately", key="lately")
    scene.store.create_api_key(
        name="n8n", role=Role.VIEWER, key_hash=digest("n8n"), expires_at=soon(days=-3)
    )
    scene.owner.execute(
        "update private.sign_in_links set created_at = now() - interval '3 days', "
        "expires_at = now() - interval '2 days' where token_hash = %s",
        (digest("old"),),
    )
    make_link(scene, "new")
    scene.owner.execute(
        "update private.api_keys set expires_at = now() - interval '2 days' where is_session"
    )
    redeem(scene.store, "new", key="new")

    links = scene.rows("select token_hash from private.sign_in_links")
    keys = scene.rows("select name from private.api_keys")
    assert {row["token_hash"] for row in links} == {digest("lately"), digest("new")}
    assert {row["name"] for row in keys} == {"n8n", "browser session new"}
