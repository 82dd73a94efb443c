from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest

from core.datasets import check_access, read_rows
from core.domain import ModelType
from core.errors import DataError
from tests.datasets.conftest import make_type

LATE = datetime(2030, 1, 1, tzinfo=UTC)


def count(url: str, model_type: ModelType) -> int:
    check_access(url, model_type)
    return len(read_rows(url, model_type, visible_at=LATE))


def remedy(url: str, model_type: ModelType) -> str:
    """The hint of the error, which checking and reading must both raise."""
    with pytest.raises(DataError) as checked:
        check_access(url, model_type)
    with pytest.raises(DataError) as read:
        read_rows(url, model_type, visible_at=LATE)
    assert str(checked.value) == str(read.value)
    assert checked.value.hint
    return checked.value.hint


def statements(hint: str) -> list[str]:
    return re.findall(r"(?:grant|create policy|alter policy) [^;]*;", hint)


def test_the_missing_grants_are_printed_and_work(
    database_url: str, db: psycopg.Connection, orders: ModelType
) -> None:
    db.execute('create schema "Shop A"')
    db.execute('create table "Shop A".orders as select * from public.orders')
    shop = make_type(source_relation='"Shop A".orders')

    fixes = statements(remedy(database_url, shop))
    assert fixes == [
        'grant usage on schema "Shop A" to refit_reader;',
        'grant select on "Shop A"."orders" to "refit_reader";',
    ]
    for fix in fixes:
        db.execute(fix)
    assert count(database_url, shop) == 10


def test_columns_may_be_granted_one_by_one(
    database_url: str, db: psycopg.Connection, orders: ModelType
) -> None:
    db.execute("revoke select on public.orders from refit_reader")
    db.execute("grant select (id, placed_at, paid_at, paid, amount) on orders to refit_reader")

    assert count(database_url, replace(orders, feature_columns=("amount",))) == 10
    assert "grant select" in remedy(database_url, orders)


def test_row_level_security_is_an_error_and_never_fewer_rows(
    database_url: str, db: psycopg.Connection, orders: ModelType
) -> None:
    db.execute("alter table public.orders enable row level security")

    [fix] = statements(remedy(database_url, orders))
    assert fix == (
        'create policy "refit_reader may read" on "public"."orders" '
        'for select to "refit_reader" using (true);'
    )
    db.execute(fix)
    assert count(database_url, orders) == 10


@pytest.mark.parametrize(
    "policy",
    [
        "create policy p on public.orders for select to refit_reader using (id < 5)",
        "create policy p on public.orders for select to authenticated using (true)",
        "create policy p on public.orders for insert to refit_reader with check (true)",
        "create policy p on public.orders using (id > 0)",
    ],
)
def test_a_policy_with_a_condition_or_for_others_is_not_enough(
    database_url: str, db: psycopg.Connection, orders: ModelType, policy: str
) -> None:
    db.execute("alter table public.orders enable row level security")
    db.execute(policy)
    assert "create policy" in remedy(database_url, orders)


@pytest.mark.parametrize("to", ["refit_reader", "public"])
@pytest.mark.parametrize("command", ["select", "all"])
def test_an_unconditional_policy_is_enough_beside_narrower_ones(
    database_url: str, db: psycopg.Connection, orders: ModelType, to: str, command: str
) -> None:
    db.execute("alter table public.orders enable row level security")
    db.execute("create policy narrow on public.orders for select using (id < 5)")
    db.execute(f"create policy wide on public.orders for {command} to {to} using (true)")
    assert count(database_url, orders) == 10


def test_a_restrictive_policy_is_named(
    database_url: str, db: psycopg.Connection, orders: ModelType
) -> None:
    db.execute("alter table public.orders enable row level security")
    db.execute("create policy wide on public.orders using (true)")
    db.execute('create policy "only A" on public.orders as restrictive using (id < 5)')

    [fix] = statements(remedy(database_url, orders))
    db.execute(fix)
    assert count(database_url, orders) == 10


def make_owner(db: psycopg.Connection, database_url: str) -> None:
    """A view owner who, unlike a superuser, is under row-level security."""
    db.execute(
        "do $$ begin create role datasets_owner; exception when duplicate_object then end $$"
    )
    db.execute("grant all on schema public to datasets_owner")
    db.execute("grant select on public.orders to datasets_owner")


@pytest.mark.parametrize("invoker", [True, False])
def test_a_view_over_hidden_rows_is_an_error_until_the_policy_is_there(
    database_url: str, db: psycopg.Connection, orders: ModelType, invoker: bool
) -> None:
    make_owner(db, database_url)
    option = "with (security_invoker)" if invoker else ""
    db.execute("alter table public.orders enable row level security")
    db.execute(f"create view public.inner_view {option} as select * from public.orders")
    db.execute("create view public.outer_view with (security_invoker) as table public.inner_view")
    for view in ("inner_view", "outer_view"):
        db.execute(f"alter view public.{view} owner to datasets_owner")
        db.execute(f"grant select on public.{view} to refit_reader, datasets_owner")
    view_type = make_type(source_relation="public.outer_view")

    [fix] = statements(remedy(database_url, view_type))
    assert f'to "{"refit_reader" if invoker else "datasets_owner"}" using (true)' in fix
    db.execute(fix)
    assert count(database_url, view_type) == 10


def test_a_plain_view_of_the_tables_owner_reads_everything(
    database_url: str, db: psycopg.Connection, orders: ModelType
) -> None:
    db.execute("revoke select on public.orders from refit_reader")
    db.execute("alter table public.orders enable row level security")
    db.execute("create view public.seen as select * from public.orders")
    db.execute("grant select on public.seen to refit_reader")
    assert count(database_url, make_type(source_relation="public.seen")) == 10


def test_an_invoker_view_needs_the_grant_on_its_table_too(
    database_url: str, db: psycopg.Connection, orders: ModelType
) -> None:
    db.execute("revoke select on public.orders from refit_reader")
    db.execute("create view public.seen with (security_invoker) as select * from public.orders")
    db.execute("grant select on public.seen to refit_reader")
    seen = make_type(source_relation="public.seen")

    [fix] = statements(remedy(database_url, seen))
    assert '"public"."orders"' in fix
    db.execute(fix)
    assert count(database_url, seen) == 10


def test_a_function_that_could_hide_rows_below_a_view_is_refused(
    database_url: str, db: psycopg.Connection, orders: ModelType
) -> None:
    db.execute("alter table public.orders enable row level security")
    db.execute("create policy wide on public.orders using (true)")
    db.execute(
        "create function public.others() returns bigint language sql stable"
        " as 'select count(*) from public.orders'"
    )
    db.execute(
        "create view public.seen with (security_invoker) as"
        " select *, public.others() as n from public.orders"
    )
    db.execute("grant select on public.seen to refit_reader")
    with pytest.raises(DataError, match=r"calls (public\.)?others\(\)"):
        check_access(database_url, make_type(source_relation="public.seen"))


def test_forced_row_level_security_on_a_partitioned_table_is_seen(
    database_url: str, db: psycopg.Connection, orders: ModelType
) -> None:
    db.execute("create table public.parted (like public.orders) partition by range (placed_at)")
    db.execute("create table public.part_1 partition of public.parted default")
    db.execute("insert into public.parted select * from public.orders")
    db.execute("alter table public.parted enable row level security, force row level security")
    db.execute("grant select on public.parted to refit_reader")
    parted = make_type(source_relation="public.parted")

    [fix] = statements(remedy(database_url, parted))
    db.execute(fix)
    assert count(database_url, parted) == 10


def test_a_database_without_the_reader_role_says_what_to_run(
    database_url: str, db: psycopg.Connection, orders: ModelType
) -> None:
    user = "datasets_stranger"
    db.execute(f"drop role if exists {user}")
    db.execute(f"create role {user} login password 'stranger'")
    try:
        url = f"postgresql://{user}:stranger@" + database_url.rpartition("@")[2]
        with pytest.raises(DataError, match=r"may not act as refit_reader.*grant refit_reader to"):
            check_access(url, orders)
    finally:
        db.execute(f"drop role {user}")
