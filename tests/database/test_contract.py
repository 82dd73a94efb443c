"""What both ways to the database keep: PostgreSQL's own protocol, and Supabase's Data API.

The Data API is a stand-in over the test's own database. Where the environment names a real project
with its keys, the same tests run there too; docs/supabase.md says how.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import psycopg
import pytest

from core.database import Database, PostgresDatabase, SupabaseDatabase
from core.domain import Actor, Environment, Role, User
from core.errors import (
    Conflict,
    DatabaseUnavailable,
    Forbidden,
    IdempotencyKeyReused,
    InvalidRequest,
    NotFound,
    RefitError,
    UnknownModelType,
)
from core.store import Once, Store
from tests.database.factories import ADMIN, Row, actor, claims, definition
from tests.supabase import real_project
from tests.supabase.project import running_project

HERE = ["postgres", "data_api"]
EVERYWHERE = [*HERE, *(["real_project"] if real_project.is_named() else [])]

# By this a project that is not for tests alone is told from one that is.
PREFIX = "contract_"

# Functions of the tests' own, that show what arrived.
ECHOES = """
create function public.echo_json(p_value jsonb) returns jsonb
language sql as 'select p_value';
create function public.echo_uuids(p_value uuid []) returns jsonb
language sql as 'select to_jsonb(p_value)';
create function public.echo_texts(p_value text []) returns jsonb
language sql as 'select to_jsonb(p_value)';
create function public.echo_time(p_value timestamptz) returns jsonb
language sql as 'select to_jsonb(p_value)';
create function public.echo_number(p_value double precision) returns jsonb
language sql as 'select to_jsonb(p_value)';
create function public.echo_void(p_value text) returns void
language sql as 'select';
create function public.raise_state(p_value text) returns void
language plpgsql as $$ begin raise exception 'It went wrong.' using errcode = p_value; end $$;
create function public.who() returns jsonb language sql as $$
    select jsonb_build_object('role', current_user, 'claims', auth.jwt())
$$;
"""


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to a database, and how people sign in there."""

    database: Database
    sign_in: Callable[..., User]

    @property
    def admin(self) -> Store:
        """The store in the name of an admin's machine key."""
        return Store(self.database, actor=ADMIN)

    def as_user(self, role: str | None) -> Store:
        return Store(self.database, actor=self.sign_in(role))

    def as_key(self, role: Role) -> Store:
        return Store(self.database, actor=actor(role))

    def model_type(self) -> str:
        """A model type of a name that nobody had before."""
        return self.admin.create_model_type(definition(new_name())).name


def new_name() -> str:
    """A model type's name that nobody had before."""
    return f"{PREFIX}{secrets.token_hex(6)}"


def local_user(role: str | None = None, **changes: object) -> User:
    return User(claims=claims(role, **changes), token="")


@pytest.fixture
def postgres(database_url: str) -> Iterator[Way]:
    database = PostgresDatabase(database_url, max_connections=4)
    yield Way(database=database, sign_in=local_user)
    database.close()


@pytest.fixture
def data_api(database_url: str) -> Iterator[Way]:
    with running_project(database_url) as project:
        database = SupabaseDatabase(
            project.address,
            secret_key=project.secret_key,
            publishable_key=project.publishable_key,
        )
        yield Way(database=database, sign_in=project.user)
        database.close()


@pytest.fixture(name="real_project")
def named_project() -> Iterator[Way]:
    project = real_project.RealProject()
    way = Way(database=project.database, sign_in=project.sign_in)
    if not all(kind.name.startswith(PREFIX) for kind in way.admin.list_model_types()):
        pytest.fail("SUPABASE_URL names a project that is in use; take one for tests alone.")
    yield way
    project.close()


@pytest.fixture(params=EVERYWHERE)
def way(request: pytest.FixtureRequest) -> Way:
    found: Way = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=HERE)
def echoing(request: pytest.FixtureRequest, database_url: str) -> Way:
    """A way to a database that has the functions above, too."""
    with psycopg.connect(database_url) as owner:
        owner.execute(ECHOES)
    found: Way = request.getfixturevalue(request.param)
    return found


# Rights: users ------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [None, "viewer", "operator", "admin"])
def test_a_user_may_do_what_their_role_allows(way: Way, role: str | None) -> None:
    name = way.model_type()
    rank = [None, "viewer", "operator", "admin"].index(role)
    store = way.as_user(role)
    attempts: list[tuple[int, Callable[[], object]]] = [
        (1, store.get_status),
        (1, lambda: store.get_model_type(name)),
        (2, lambda: store.trigger_retraining(model_types=[name])),
        (3, lambda: store.update_model_type(name, {"title": "Who leaves"})),
    ]

    for needed, attempt in attempts:
        if rank >= needed:
            attempt()
        else:
            with pytest.raises(Forbidden, match="This needs the role"):
                attempt()


def test_a_role_that_users_give_themselves_is_none(way: Way) -> None:
    person = way.sign_in(None, user_metadata={"ml_role": "admin"})

    with pytest.raises(Forbidden, match="no role"):
        Store(way.database, actor=person).get_status()


def test_no_user_reaches_the_machinery(way: Way) -> None:
    with pytest.raises(Forbidden, match="permission denied"):
        way.database.call("list_due_schedules", {}, user=way.sign_in("admin"))


def test_a_user_cannot_speak_for_somebody_else(way: Way) -> None:
    with pytest.raises(Forbidden, match="p_actor"):
        way.database.call(
            "list_model_types", {"p_actor": ADMIN.as_json()}, user=way.sign_in("admin")
        )


def test_what_a_user_does_is_on_record_under_their_name(way: Way) -> None:
    name = way.model_type()
    person = way.sign_in("operator")

    Store(way.database, actor=person).trigger_retraining(model_types=[name])

    rows = way.admin.list_audit_logs(model_type=name)["items"]
    (row,) = [row for row in rows if row["entity"] == "training_job"]
    assert row["actor"]["kind"] == "user"
    assert (row["actor"]["id"], row["actor"]["name"]) == (person.id, person.name)


def test_many_threads_keep_their_users_apart(way: Way) -> None:
    people = [way.sign_in(role) for role in (None, "viewer", None, "operator")]

    def ask(number: int) -> tuple[bool, bool]:
        person = people[number % len(people)]
        try:
            way.database.call("list_model_types", {}, user=person)
        except Forbidden:
            return person.role is None, True
        return person.role is None, False

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(48)))

    assert all(has_none == refused for has_none, refused in answers)


# Rights: machine keys and Refit itself -------------------------------------------------------


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.ADMIN])
def test_a_machine_key_may_do_what_its_role_allows(way: Way, role: Role) -> None:
    name = way.model_type()
    store = way.as_key(role)

    assert store.get_model_type(name).name == name
    if role is Role.VIEWER:
        with pytest.raises(Forbidden, match="needs the role operator"):
            store.trigger_retraining(model_types=[name])
    else:
        assert store.trigger_retraining(model_types=[name])["jobs"]
    if role is not Role.ADMIN:
        with pytest.raises(Forbidden, match="needs the role admin"):
            store.update_model_type(name, {"title": "Who leaves"})


def test_refit_itself_reaches_the_machinery(way: Way) -> None:
    assert isinstance(Store(way.database).list_due_schedules(), list)
    assert Store(way.database).find_api_key("0" * 64) is None


# Errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["user", "key"])
def test_a_request_is_carried_out_once_for_each_caller(way: Way, kind: str) -> None:
    caller = way.sign_in("operator") if kind == "user" else actor(Role.OPERATOR)
    key, hashes = new_name(), [hashlib.sha256(body).hexdigest() for body in (b"a", b"b")]
    attempts = [Once(action="trigger_retraining", key=key, body_hash=hashes[0]) for _ in range(3)]
    names = [way.model_type() for _ in range(2)]

    def trigger(speaker: Actor | User, once: Once) -> Row:
        store = Store(way.database, actor=speaker, request_id=key, once=once)
        return store.trigger_retraining(
            model_types=names, environment=Environment.STAGING, request_id=key
        )

    first, again = trigger(caller, attempts[0]), trigger(caller, attempts[1])
    others = trigger(ADMIN, attempts[2])

    assert again == first
    assert {job["model_type"] for job in first["jobs"]} == set(names)
    assert [job["coalesced"] for job in others["jobs"]] == [True, True]
    assert [attempt.replayed for attempt in attempts] == [False, True, False]
    rows = way.admin.list_audit_logs(request_id=key, model_type=names[0])["items"]
    assert {row["actor"]["id"] for row in rows} >= {caller.id}
    with pytest.raises(IdempotencyKeyReused):
        trigger(caller, Once(action="trigger_retraining", key=key, body_hash=hashes[1]))


def test_a_user_gives_a_request_its_id_and_nothing_else(way: Way) -> None:
    person = way.sign_in("operator")
    event = {"p_workflow": "w", "p_execution_id": "1", "p_step": "s", "p_outcome": "o"}

    forgeries: list[Row] = [{"request_id": "r", "role": "admin"}, ADMIN.as_json(), {"kind": "key"}]
    for forged in forgeries:
        with pytest.raises(Forbidden, match="service role alone"):
            way.database.call("record_event", {**event, "p_actor": forged}, user=person)


def test_a_named_error_arrives_as_its_class_with_its_hint(way: Way) -> None:
    name = way.model_type()

    with pytest.raises(NotFound):
        way.admin.get_operation(uuid4())
    with pytest.raises(Conflict):
        way.admin.create_model_type(definition(name))
    with pytest.raises(UnknownModelType, match=f"{PREFIX}none") as unknown:
        way.admin.get_model_type(f"{PREFIX}none")
    assert unknown.value.hint is not None
    assert name in unknown.value.hint


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        ("get_operation", {"p_id": "no-uuid"}, 'uuid: "no-uuid"'),
        ("get_status", {"p_environment": "moon"}, 'ml_environment: "moon"'),
        ("trigger_retraining", {"p_as_of": "yesterday-ish"}, '"yesterday-ish"'),
        ("trigger_retraining", {"p_reason": "a\0b"}, "NUL|Unicode"),
        ("list_models", {"p_limit": "ten"}, '"ten"'),
    ],
)
def test_a_bad_value_is_named(way: Way, function: str, arguments: Row, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        way.database.call(function, arguments)


def test_an_unknown_function_or_parameter_is_no_callers_fault(way: Way) -> None:
    for function, arguments, named in (
        ("get_status", {"p_colour": "red"}, "p_colour"),
        ("get_weather", {}, "get_weather"),
    ):
        with pytest.raises(RefitError, match=f"{named}.*refit migrate") as raised:
            way.database.call(function, arguments)
        assert raised.value.status == 500


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("PT404", NotFound),
        ("PT409", Conflict),
        ("22P02", InvalidRequest),
        ("23505", InvalidRequest),
        ("42501", Forbidden),
        ("40P01", DatabaseUnavailable),
        ("55P03", DatabaseUnavailable),
        ("57014", DatabaseUnavailable),
        ("53300", DatabaseUnavailable),
        ("57P01", DatabaseUnavailable),
        ("P0001", RefitError),
        ("XX000", RefitError),
    ],
)
def test_an_error_state_has_its_class(echoing: Way, state: str, error: type[RefitError]) -> None:
    with pytest.raises(RefitError) as raised:
        echoing.database.call("raise_state", {"p_value": state})

    assert type(raised.value) is error
    assert echoing.database.call("echo_json", {"p_value": {"a": 1}}) == {"a": 1}


@pytest.mark.parametrize(
    "database",
    [
        PostgresDatabase("postgresql://ada@127.0.0.1:9/db"),
        SupabaseDatabase("http://127.0.0.1:9", secret_key="sb_secret_x"),
    ],
    ids=HERE,
)
def test_a_database_that_is_away_is_said(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.database.postgres._CHECKOUT_TIMEOUT_S", 0.5)

    with pytest.raises(DatabaseUnavailable, match="does not answer") as away:
        database.call("get_status", {})

    database.close()
    assert away.value.transient


# Values --------------------------------------------------------------------------------------

SOME_ID = UUID("5f0c3a52-1f36-4f1c-a2cf-9a5b1f3c7a11")
NOON = datetime(2026, 6, 1, 12, 30, 0, 123456, tzinfo=UTC)


def test_what_is_written_is_read_again(way: Way) -> None:
    name = new_name()
    written = definition(name, title="Größe → 量", feature_columns=["a b", "c,d", '"'])

    made = way.admin.create_model_type(written)
    job = way.admin.trigger_retraining(model_types=[name], reason="l'été; drop table x; --")

    assert (made.title, list(made.feature_columns)) == ("Größe → 量", ["a b", "c,d", '"'])
    stored = way.admin.get_training_job(UUID(job["jobs"][0]["id"]))
    assert stored["reason"] == "l'été; drop table x; --"
    assert datetime.fromisoformat(stored["created_at"]).tzinfo is not None


@pytest.mark.parametrize(
    "value",
    [
        *({}, None),
        {"a": [1, 2.5, None, "ü 量 🜁"], "b": {"c": {}, "d": []}, "e": True},
        [{"a": 1}, {"b": "'; drop table x; --"}],
        {"moment": NOON.isoformat(), "share": 0.1, "large": 2**53},
    ],
)
def test_json_arrives_as_it_was(echoing: Way, value: object) -> None:
    assert echoing.database.call("echo_json", {"p_value": value}) == value


def test_a_big_value_arrives_whole(echoing: Way) -> None:
    value = {str(number): "ü" * 100 for number in range(10_000)}

    assert echoing.database.call("echo_json", {"p_value": value}) == value


def test_lists_arrive_as_arrays(echoing: Way) -> None:
    call = echoing.database.call

    assert call("echo_uuids", {"p_value": [SOME_ID]}) == [str(SOME_ID)]
    assert call("echo_texts", {"p_value": ["a,b", '"', "NULL", "", "{}"]}) == [
        *("a,b", '"', "NULL", "", "{}")
    ]
    assert call("echo_texts", {"p_value": ("churn", Environment.STAGING)}) == ["churn", "staging"]
    for function in ("echo_uuids", "echo_texts"):
        assert call(function, {"p_value": []}) == []
        assert call(function, {"p_value": None}) is None


def test_times_arrive_to_the_microsecond_and_come_back_in_utc(echoing: Way) -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))

    answer = echoing.database.call("echo_time", {"p_value": elsewhere})

    assert answer == "2026-06-01T12:30:00.123456+00:00"


def test_numbers_arrive_exactly(echoing: Way) -> None:
    assert echoing.database.call("echo_number", {"p_value": 0.1}) == 0.1
    assert echoing.database.call("echo_number", {"p_value": 1e-300}) == 1e-300


@pytest.mark.parametrize(
    ("function", "value"),
    [
        ("echo_json", {"a": "half a character: \ud83d"}),
        ("echo_json", {"a": "\0"}),
        ("echo_texts", ["half a character: \ud83d"]),
        ("echo_texts", ["\0"]),
    ],
)
def test_what_is_no_text_is_refused(echoing: Way, function: str, value: object) -> None:
    with pytest.raises(InvalidRequest):
        echoing.database.call(function, {"p_value": value})


def test_what_is_no_number_in_json_is_refused(echoing: Way) -> None:
    with pytest.raises(InvalidRequest):
        echoing.database.call("echo_json", {"p_value": {"a": float("nan")}})


def test_nothing_comes_back_as_nothing(echoing: Way) -> None:
    assert not echoing.database.call("echo_void", {"p_value": "x"})


def test_a_call_has_its_callers_role_and_claims(echoing: Way) -> None:
    person = echoing.sign_in("viewer")

    service = echoing.database.call("who", {})
    asked = echoing.database.call("who", {}, user=person)
    again = echoing.database.call("who", {})

    assert service["role"] == "service_role"
    assert "sub" not in service["claims"]
    assert asked == {"role": "authenticated", "claims": dict(person.claims)}
    assert again == service


def test_claims_in_use_by_many_threads_do_not_mix(echoing: Way) -> None:
    def ask(number: int) -> tuple[str, str]:
        person = echoing.sign_in("viewer", sub=f"user-{number}")
        return person.id, echoing.database.call("who", {}, user=person)["claims"]["sub"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(64)))

    assert all(asked == answered for asked, answered in answers)
