from __future__ import annotations

import psycopg
import pytest

from core.datasets import ColumnKind, check_access, describe_relation, suggest_definition
from core.domain import ModelType, Task
from core.errors import DataError, InvalidRequest
from tests.datasets.conftest import make_type


def test_a_table_is_described(database_url: str, db: psycopg.Connection, orders: ModelType) -> None:
    db.execute("create table public.keyed (b int, a int not null, primary key (a, b))")
    db.execute("alter table public.keyed enable row level security")
    described = describe_relation(database_url, "orders")
    keyed = describe_relation(database_url, "public.keyed")

    assert (described.qualified_name, described.kind) == ("public.orders", "table")
    assert described.primary_key == ("id",)
    assert not described.row_security
    amount = described.column("amount")
    assert (amount.type, amount.kind, amount.nullable) == (
        "numeric(12,2)",
        ColumnKind.NUMERIC,
        True,
    )
    assert not described.column("id").nullable
    assert keyed.primary_key == ("a", "b")
    assert keyed.row_security


def test_a_name_that_needs_quotes_survives_the_way_into_a_model_type(
    database_url: str, db: psycopg.Connection
) -> None:
    db.execute('create view "Wéird ""N"".v" as select 1 as x')
    described = describe_relation(database_url, '"Wéird ""N"".v"')
    assert described.qualified_name == 'public."Wéird ""N"".v"'
    assert describe_relation(database_url, described.qualified_name) == described
    assert described.kind == "view"


@pytest.mark.parametrize("name", ["", "a.b.c", '"open', "a..b"])
def test_a_name_that_is_none_is_refused(database_url: str, name: str) -> None:
    with pytest.raises((InvalidRequest, DataError)):
        describe_relation(database_url, name)


@pytest.mark.parametrize(
    ("kind", "values", "task", "metric"),
    [
        ("boolean", "i % 2 = 0", Task.CLASSIFICATION, "accuracy"),
        ("text", "'c' || i % 3", Task.CLASSIFICATION, "accuracy"),
        ("int", "i % 20", Task.CLASSIFICATION, "accuracy"),
        ("int", "i % 21", Task.REGRESSION, "rmse"),
        ("float8", "i % 2", Task.REGRESSION, "rmse"),
        ("numeric(5, 1)", "i", Task.REGRESSION, "rmse"),
    ],
)
def test_the_task_follows_from_the_target(
    database_url: str, db: psycopg.Connection, kind: str, values: str, task: Task, metric: str
) -> None:
    db.execute(
        f'create table public.t (id int primary key, at date, "the y" {kind}, x float4, u uuid,'
        " j jsonb, tags text[])"
    )
    db.execute(f"insert into public.t select i, '2026-01-01', {values} from generate_series(1,60)i")
    relation = describe_relation(database_url, "t")
    found = suggest_definition(database_url, relation, target="the y", time_column="at")

    assert (found.task, found.metric) == (task, metric)
    assert found.key_columns == ("id",)
    assert found.feature_columns == ("x",)  # no keys, times, identifiers, documents or arrays
    assert found.source_relation == "public.t"
    (note,) = found.notes
    assert all(text in note for text in ("u (uuid)", "j (jsonb)", "tags (text[])"))


def test_what_a_person_names_is_kept(
    database_url: str, db: psycopg.Connection, orders: ModelType
) -> None:
    found = suggest_definition(
        database_url,
        describe_relation(database_url, "orders"),
        target="paid",
        time_column="placed_at",
        label_time_column="paid_at",
        key_columns=["city"],
        feature_columns=["amount"],
    )
    assert found.key_columns == ("city",)
    assert found.feature_columns == ("amount",)


def test_a_definition_that_cannot_be_is_refused(
    database_url: str, db: psycopg.Connection, orders: ModelType
) -> None:
    db.execute("create view public.v as select * from public.orders")
    db.execute("create table public.bare (id int primary key, at date, y int)")
    table = describe_relation(database_url, "orders")
    view = describe_relation(database_url, "v")
    bare = describe_relation(database_url, "bare")

    with pytest.raises(DataError, match="view without a primary key"):
        suggest_definition(database_url, view, target="paid", time_column="placed_at")
    with pytest.raises(DataError, match="no column left"):
        suggest_definition(database_url, bare, target="y", time_column="at")
    with pytest.raises(DataError, match=r"target 'paid_at'.*cannot be predicted"):
        suggest_definition(database_url, table, target="paid_at", time_column="placed_at")
    with pytest.raises(DataError, match=r"no column 'pay_d'.*'paid'"):
        suggest_definition(database_url, table, target="pay_d", time_column="placed_at")


def test_a_regression_on_text_is_refused(
    database_url: str, db: psycopg.Connection, orders: ModelType
) -> None:
    relation = describe_relation(database_url, "orders")
    with pytest.raises(InvalidRequest, match="target 'city' of public.orders is text.*numbers"):
        suggest_definition(
            database_url, relation, target="city", time_column="placed_at", task=Task.REGRESSION
        )
    wished = make_type(target_column="city", feature_columns=("amount",), task=Task.REGRESSION)
    with pytest.raises(InvalidRequest, match="target 'city' of public.orders is text"):
        check_access(database_url, wished)
    check_access(database_url, make_type(target_column="city", feature_columns=("amount",)))


@pytest.mark.parametrize("task", list(Task))
def test_a_task_that_a_person_names_is_kept(
    database_url: str, db: psycopg.Connection, orders: ModelType, task: Task
) -> None:
    found = suggest_definition(
        database_url,
        describe_relation(database_url, "orders"),
        target="paid",
        time_column="placed_at",
        task=task,
    )
    assert (found.task, found.metric) == (
        task,
        "accuracy" if task is Task.CLASSIFICATION else "rmse",
    )


@pytest.mark.parametrize("names", [100, 101])
def test_text_with_too_many_values_is_no_target(
    database_url: str, db: psycopg.Connection, names: int
) -> None:
    db.execute("create table public.t (id int primary key, at date, y text, x float8)")
    db.execute(
        f"insert into t select i, '2026-01-01', 'c' || i % {names}, 1"
        " from generate_series(1, 500) i"
    )
    relation = describe_relation(database_url, "t")
    if names == 100:
        found = suggest_definition(database_url, relation, target="y", time_column="at")
        assert found.task is Task.CLASSIFICATION
    else:
        with pytest.raises(InvalidRequest, match="'y' of public.t has 101 different values"):
            suggest_definition(database_url, relation, target="y", time_column="at")


def test_a_number_that_is_different_in_every_row_is_no_feature(
    database_url: str, db: psycopg.Connection
) -> None:
    db.execute(
        "create table public.t as select i as id, date '2026-01-01' as at, i % 2 = 0 as y,"
        " 7000 + i as customer, i / 2 as visits, nullif(i, 5) as rank, i::float8 as weight"
        " from generate_series(1, 200) i"
    )
    db.execute("alter table public.t add primary key (id)")
    relation = describe_relation(database_url, "t")
    found = suggest_definition(database_url, relation, target="y", time_column="at")
    assert found.feature_columns == ("visits", "rank", "weight")
    assert ["customer, a different number in every row" in note for note in found.notes] == [True]

    named = suggest_definition(
        database_url, relation, target="y", time_column="at", feature_columns=["customer"]
    )
    assert (named.feature_columns, named.notes) == (("customer",), ())


def test_among_few_rows_different_numbers_are_no_id(
    database_url: str, db: psycopg.Connection
) -> None:
    db.execute(
        "create view public.v as select i as id, date '2026-01-01' as at, true as y, i as age"
        " from generate_series(1, 99) i"
    )
    found = suggest_definition(
        database_url,
        describe_relation(database_url, "v"),
        target="y",
        time_column="at",
        key_columns=["id"],
    )
    assert (found.feature_columns, found.notes) == (("age",), ())
