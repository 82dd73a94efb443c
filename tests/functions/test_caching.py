"""Answers that serve again: by their tag, and for a moment from the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID, uuid4

import psycopg
import pytest
import redis

from core.domain import Actor, Role, User
from core.settings import Settings
from core.store import Store
from core.web.parsing import NoParameters
from core.web.response_cache import entry_name
from core.web.shared_state import Entry, SharedState
from tests.functions.served import Server, serving
from tests.functions.test_outages import closed


@pytest.fixture(scope="module")
def caching_server(
    tmp_path_factory: pytest.TempPathFactory, module_database_url: str, module_redis_url: str
) -> Iterator[Server]:
    """Answers serve again for a minute: what is seen earlier was seen for another reason."""
    with serving(
        tmp_path_factory.mktemp("caching"),
        "main",
        DATABASE_URL=module_database_url,
        REDIS_URL=module_redis_url,
        REFIT_CACHE_SECONDS="60",
    ) as server:
        yield server


@pytest.fixture
def shared(module_redis_url: str) -> Iterator[SharedState]:
    state = SharedState(module_redis_url, f"test-{uuid4()}")
    yield state
    state.close()


def test_an_answer_that_is_known_is_not_sent_again(server: Server, keys: dict[str, str]) -> None:
    first = server.get("models", keys["viewer"])
    tag = first.headers["ETag"]

    for known in (tag, f"W/{tag}", f'"other", W/{tag}', "*"):
        again = server.ask("GET", "/models", key=keys["viewer"], headers={"If-None-Match": known})
        assert (again.status, again.text) == (304, ""), known
        assert again.headers["ETag"] == tag
        assert again.headers["Cache-Control"] == "private, no-cache"
        assert again.headers["Vary"] == "Authorization, X-API-Key, Cookie"
        assert "RateLimit-Remaining" in again.headers
        assert "Content-Type" not in again.headers
    other = server.ask("GET", "/models", key=keys["viewer"], headers={"If-None-Match": '"other"'})
    assert (other.status, other.text) == (200, first.text)


def test_a_tag_does_not_open_what_the_key_may_not_see(server: Server, keys: dict[str, str]) -> None:
    for headers, status in (({}, 401), ({"X-API-Key": keys["scheduler"]}, 403)):
        answer = server.ask("GET", "/status", headers={"If-None-Match": "*", **headers})
        assert answer.status == status


def test_head_is_get_without_the_body(server: Server, keys: dict[str, str]) -> None:
    got = server.get("models", keys["viewer"])
    asked = server.ask("HEAD", "/models", key=keys["viewer"])

    assert (asked.status, asked.text) == (200, "")
    assert asked.headers["ETag"] == got.headers["ETag"]
    assert int(asked.headers["Content-Length"]) == len(got.text.encode())


def test_the_answer_to_work_and_to_a_mistake_is_kept_by_nobody(
    server: Server, keys: dict[str, str], make_type: Callable[..., str]
) -> None:
    answers = [
        server.post("trigger_retraining", {"model_types": [make_type()]}, key=keys["operator"]),
        server.get("status", keys["viewer"], mistake=1),
        server.get("job", keys["viewer"], id=str(uuid4())),
    ]

    assert [a.status for a in answers] == [202, 422, 404]
    for answer in answers:
        assert answer.headers["Cache-Control"] == "no-store"
        assert "ETag" not in answer.headers


def test_a_read_serves_again_until_something_changes_through_the_functions(
    caching_server: Server, keys: dict[str, str], store: Store, make_type: Callable[..., str]
) -> None:
    name, behind = make_type(), make_type()
    before = caching_server.get("history", keys["viewer"], limit=200)

    # Behind the functions' back: the cache cannot know.
    store.trigger_retraining(model_types=[behind])
    kept = caching_server.get("history", keys["viewer"], limit=200)
    triggered = caching_server.post(
        "trigger_retraining", {"model_types": [name]}, key=keys["operator"]
    )
    after = caching_server.get("history", keys["viewer"], limit=200)

    assert triggered.status == 202
    assert kept.text == before.text
    found = {item["model_type"] for item in after.body["items"]}
    assert {name, behind} <= found


def test_a_job_that_somebody_waits_for_is_read_anew_each_time(
    caching_server: Server, keys: dict[str, str], store: Store, make_type: Callable[..., str]
) -> None:
    (job,) = store.trigger_retraining(model_types=[make_type()])["jobs"]
    assert caching_server.get("job", keys["viewer"], id=job["id"]).body["status"] == "queued"

    store.cancel_job(UUID(job["id"]))

    assert caching_server.get("job", keys["viewer"], id=job["id"]).body["status"] == "cancelled"


def test_whoever_sees_a_job_end_sees_what_it_made(
    caching_server: Server,
    keys: dict[str, str],
    store: Store,
    make_type: Callable[..., str],
    trained_model: Callable[..., str],
) -> None:
    name = make_type()
    before = caching_server.get("models", keys["viewer"], model_type=name)
    model_id = trained_model(name)  # by a worker
    (job,) = store.list_training_jobs(model_type=name)["items"]
    kept = caching_server.get("models", keys["viewer"], model_type=name)

    seen = caching_server.get("job", keys["viewer"], id=job["id"])
    after = caching_server.get("models", keys["viewer"], model_type=name)

    assert before.body["items"] == kept.body["items"] == []
    assert seen.body["status"] == "succeeded"
    assert [model["id"] for model in after.body["items"]] == [model_id]


def test_fields_environments_and_roles_have_entries_of_their_own(
    caching_server: Server, keys: dict[str, str], make_type: Callable[..., str]
) -> None:
    name = make_type()
    caching_server.post("trigger_retraining", {"model_types": [name]}, key=keys["operator"])

    every = caching_server.get("history", keys["viewer"])
    one = caching_server.get("history", keys["viewer"], model_type=name)
    staging = caching_server.get("status", keys["viewer"], environment="staging")
    production = caching_server.get("status", keys["viewer"])

    assert every.text != one.text
    assert {item["model_type"] for item in one.body["items"]} == {name}
    assert (staging.body["environment"], production.body["environment"]) == (
        "staging",
        "production",
    )


def test_a_cached_answer_still_asks_who_is_there(
    caching_server: Server, keys: dict[str, str]
) -> None:
    assert caching_server.get("status", keys["admin"]).status == 200

    assert caching_server.get("status").status == 401
    assert caching_server.get("status", keys["scheduler"]).status == 403


def test_functions_of_two_environments_share_no_entry() -> None:
    caller = Actor(kind="key", id="1", name="n8n", role=Role.VIEWER)

    names = {
        entry_name(caller, Settings(REFIT_ENVIRONMENT=environment), "status", NoParameters())
        for environment in ("staging", "production")
    }

    assert len(names - {None}) == 2


def test_callers_of_one_role_share_an_entry_and_others_do_not() -> None:
    settings = Settings(REFIT_CACHE_SECONDS=2)

    def name(role: Role, *, person: str | None = None, action: str = "status") -> str | None:
        caller: Actor | User = (
            Actor(kind="key", id=str(uuid4()), name="n8n", role=role)
            if person is None
            else User(claims={"sub": person, "app_metadata": {"ml_role": str(role)}}, token="t")
        )
        return entry_name(caller, settings, action, NoParameters())

    assert name(Role.VIEWER) == name(Role.VIEWER)
    assert name(Role.VIEWER, person="ann") == name(Role.VIEWER, person="bob")
    assert len({name(Role.VIEWER), name(Role.ADMIN), name(Role.VIEWER, person="ann")}) == 3
    assert name(Role.VIEWER, action="models") != name(Role.VIEWER)
    assert name(Role.VIEWER, action="audit") is None
    assert (
        entry_name(
            Actor(kind="key", id="1", name="n8n", role=Role.VIEWER),
            Settings(REFIT_CACHE_SECONDS=0),
            "status",
            NoParameters(),
        )
        is None
    )


def test_what_was_read_before_a_change_never_serves_after_it(shared: SharedState) -> None:
    entry = Entry(etag="1", body=b"{}")
    seen = shared.count("a", 60, "status")
    assert seen is not None
    assert seen.generation is not None
    assert seen.entry is None

    # Somebody reads, somebody else changes something, and only then the first one keeps.
    shared.begin_generation()
    shared.keep("status", seen.generation, entry, 60)
    again = shared.count("a", 60, "status")
    assert again is not None
    assert again.generation is not None
    assert again.entry is None

    shared.keep("status", again.generation, entry, 60)
    third = shared.count("a", 60, "status")
    assert third is not None
    assert third.entry == entry


def test_systems_that_share_a_server_share_nothing(
    shared: SharedState, module_redis_url: str
) -> None:
    other = SharedState(module_redis_url, f"test-{uuid4()}")
    seen = shared.count("a", 60, "status")
    assert seen is not None
    assert seen.generation is not None
    shared.keep("status", seen.generation, Entry(etag="1", body=b"{}"), 60)

    found = other.count("a", 60, "status")

    assert found is not None
    assert (found.count, found.entry) == (1, None)
    other.close()


def test_everything_that_is_kept_ends_by_itself(shared: SharedState, module_redis_url: str) -> None:
    seen = shared.count("a", 60, "status")
    assert seen is not None
    assert seen.generation is not None
    shared.keep("status", seen.generation, Entry(etag="1", body=b"{}"), 0.5)

    with redis.Redis.from_url(module_redis_url) as client:
        names = set(client.scan_iter(f"{shared._prefix}:*"))
        endless = {name for name in names if client.pttl(name) < 0}

    assert len(names) == 3
    # One short value; it is not made anew while it is needed.
    assert endless == {shared._generation_key.encode()}


def test_a_cached_answer_to_a_key_that_is_known_needs_no_database(
    caching_server: Server,
    keys: dict[str, str],
    module_database_url: str,
    postgres_admin: psycopg.Connection,
) -> None:
    first = caching_server.get("status", keys["viewer"])

    with closed(module_database_url, postgres_admin):
        again = caching_server.get("status", keys["viewer"])
        other = caching_server.get("models", keys["viewer"], limit=77)

    assert (again.status, again.text) == (200, first.text)
    assert other.status == 503
