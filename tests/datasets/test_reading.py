from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest

from core.datasets import check_access, read_rows
from core.domain import ModelType
from core.errors import ConfigurationError, DatabaseUnavailable, DataError, InvalidRequest
from tests.datasets.conftest import day, make_type

LATE = datetime(2030, 1, 1, tzinfo=UTC)


def ids(frame: pd.DataFrame) -> list[int]:
    return list(frame["id"])


def test_a_frame_has_the_needed_columns_once_in_types_that_a_model_can_use(
    database_url: str, orders: ModelType
) -> None:
    twice = replace(orders, feature_columns=("amount", "city", "id", "amount"))
    frame = read_rows(database_url, twice, visible_at=LATE)

    assert list(frame.columns) == ["id", "placed_at", "paid_at", "paid", "amount", "city"]
    assert isinstance(frame.index, pd.RangeIndex)
    assert frame["placed_at"].dtype == pd.DatetimeTZDtype("us", "UTC")
    assert frame["paid"].dtype == bool
    assert frame["amount"].dtype == np.float64
    assert frame["city"].dtype == "str"
    assert list(frame["amount"][:2]) == [1.25, 2.5]


def test_a_frame_has_the_entity_and_the_slices_too(database_url: str, orders: ModelType) -> None:
    sliced = replace(
        orders, feature_columns=("amount",), entity_column="city", slice_columns=("amount", "city")
    )

    frame = read_rows(database_url, sliced, visible_at=LATE)

    assert list(frame.columns) == ["id", "placed_at", "paid_at", "paid", "amount", "city"]


@pytest.mark.parametrize(
    "changes", [{"entity_column": "ciy"}, {"slice_columns": ("amount", "ciy")}]
)
def test_an_entity_or_slice_that_is_not_there_is_named(
    database_url: str, orders: ModelType, changes: dict[str, Any]
) -> None:
    with pytest.raises(DataError, match=r"no column 'ciy'.*'city'"):
        check_access(database_url, replace(orders, **changes))


def test_a_label_counts_from_the_moment_it_is_known(database_url: str, orders: ModelType) -> None:
    known = read_rows(database_url, orders, visible_at=day(5))
    just_before = read_rows(database_url, orders, visible_at=day(5) - timedelta(microseconds=1))

    assert ids(known) == [1, 2, 3]
    assert ids(just_before) == [1, 2]


def test_a_label_that_comes_late_is_invisible_until_then(
    database_url: str, orders: ModelType, db: psycopg.Connection
) -> None:
    db.execute("update public.orders set paid_at = %s where id = 1", [day(20)])
    db.execute("update public.orders set paid_at = 'infinity' where id = 2")
    db.execute("update public.orders set paid_at = null where id = 3")

    assert ids(read_rows(database_url, orders, visible_at=day(12))) == [4, 5, 6, 7, 8, 9, 10]
    assert 1 in ids(read_rows(database_url, orders, visible_at=day(20)))


def test_without_a_label_time_the_delay_decides(database_url: str, orders: ModelType) -> None:
    delayed = replace(orders, label_time_column=None, label_delay=timedelta(days=3))

    assert ids(read_rows(database_url, delayed, visible_at=day(5))) == [1, 2]


def test_rows_without_a_target_are_not_labelled_but_can_be_predicted(
    database_url: str, orders: ModelType, db: psycopg.Connection
) -> None:
    db.execute("update public.orders set paid = null where id in (2, 9)")
    labelled = read_rows(database_url, orders, visible_at=LATE)
    new = read_rows(database_url, orders, visible_at=day(10), start=day(7), labelled=False)

    assert ids(labelled) == [1, 3, 4, 5, 6, 7, 8, 10]
    assert ids(new) == [8, 9, 10]
    assert new["paid"].dtype == np.float64
    assert np.isnan(new["paid"][1])


def test_rows_to_predict_end_at_the_moment_itself(database_url: str, orders: ModelType) -> None:
    assert ids(read_rows(database_url, orders, visible_at=day(3), labelled=False)) == [1, 2, 3]
    ahead = read_rows(database_url, orders, visible_at=day(3), end=day(4), labelled=False)
    assert ids(ahead) == [1, 2, 3, 4]


def test_a_window_is_open_at_its_start_and_closed_at_its_end(
    database_url: str, orders: ModelType
) -> None:
    by_time = read_rows(database_url, orders, visible_at=LATE, start=day(2), end=day(4))
    by_label = read_rows(
        database_url, orders, visible_at=LATE, start=day(4), end=day(6), window_by="label_time"
    )
    delayed = replace(orders, label_time_column=None, label_delay=timedelta(days=2))
    by_delay = read_rows(
        database_url, delayed, visible_at=LATE, start=day(4), end=day(6), window_by="label_time"
    )

    assert ids(by_time) == ids(by_label) == ids(by_delay) == [3, 4]


def test_times_of_other_zones_mean_the_same_moment(database_url: str, orders: ModelType) -> None:
    zone = timezone(timedelta(hours=-7))
    frame = read_rows(
        database_url,
        orders,
        visible_at=LATE,
        start=day(2).astimezone(zone),
        end=day(3).astimezone(zone),
    )
    assert ids(frame) == [3]


def test_a_moment_without_a_zone_is_refused(database_url: str, orders: ModelType) -> None:
    with pytest.raises(InvalidRequest, match="visible_at must carry a time zone"):
        read_rows(database_url, orders, visible_at=datetime(2026, 1, 1))  # noqa: DTZ001


def test_chosen_columns_come_in_their_order(database_url: str, orders: ModelType) -> None:
    frame = read_rows(database_url, orders, visible_at=LATE, columns=["city", "id"])
    assert list(frame.columns) == ["city", "id"]
    assert ids(frame) == list(range(1, 11))


def test_an_empty_window_is_an_empty_frame_with_types(database_url: str, orders: ModelType) -> None:
    frame = read_rows(database_url, orders, visible_at=day(1))
    assert len(frame) == 0
    assert frame["amount"].dtype == np.float64
    assert frame["placed_at"].dtype == pd.DatetimeTZDtype("us", "UTC")


def test_rows_come_by_time_and_then_by_key_whatever_their_order_on_disk(
    database_url: str, orders: ModelType, db: psycopg.Connection
) -> None:
    db.execute("create table public.shuffled as select * from public.orders order by random()")
    db.execute("update public.shuffled set placed_at = %s where id > 5", [day(1)])
    db.execute("grant select on public.shuffled to refit_reader")
    shuffled = make_type(source_relation="public.shuffled")

    frame = read_rows(database_url, shuffled, visible_at=LATE)
    assert ids(frame) == [1, 6, 7, 8, 9, 10, 2, 3, 4, 5]
    assert list(frame["city"]) == [f"city {i}" for i in ids(frame)]


@pytest.mark.parametrize("kind", ["timestamp", "date"])
def test_times_without_a_zone_and_dates_are_utc(
    database_url: str, orders: ModelType, db: psycopg.Connection, kind: str
) -> None:
    db.execute("alter role postgres set timezone = 'Asia/Tokyo'")
    try:
        db.execute(
            f"""
            create table public.zoneless as
            select id, (placed_at at time zone 'UTC')::{kind} as placed_at,
                (paid_at at time zone 'UTC')::{kind} as paid_at, paid, amount, city
            from public.orders
            """
        )
        db.execute("grant select on public.zoneless to refit_reader")
        zoneless = make_type(source_relation="zoneless")
        hour = 12 if kind == "timestamp" else 0
        at = day(5, hour)

        frame = read_rows(database_url, zoneless, visible_at=at, start=day(1, hour))
        just_before = read_rows(database_url, zoneless, visible_at=at - timedelta(seconds=1))
    finally:
        db.execute("alter role postgres reset timezone")
    assert ids(frame) == [2, 3]
    assert ids(just_before) == [1, 2]
    assert frame["placed_at"][0] == pd.Timestamp(day(2, hour))
    assert frame["paid_at"].dtype == pd.DatetimeTZDtype("us", "UTC")


def test_every_type_is_read_as_documented(database_url: str, db: psycopg.Connection) -> None:
    db.execute("create type public.mood as enum ('glad', 'sad')")
    db.execute("create domain public.price as numeric(10, 2) check (value >= 0)")
    db.execute("create domain public.dear as public.price")
    db.execute(
        """
        create table public.kinds as
        select 12345678901234567890::numeric as id, timestamptz '2026-01-01 00:00+00' as at,
            1::int as y, 7.5::public.dear as domain, 'glad'::public.mood as mood,
            '00000000-0000-0000-0000-000000000001'::uuid as uuid, '{"a": 1}'::jsonb as json,
            'x'::char(4) as padded, interval '90 minutes' as lasted, time '01:00' as clock,
            2::smallint as small, null::int as nothing, true as yes, 1.5::real as single,
            timestamptz 'infinity' as never, inet '10.0.0.1' as host, 3.5::money as money
        """
    )
    db.execute("grant select on public.kinds to refit_reader")
    features = "domain mood uuid json padded lasted clock small nothing yes single never host money"
    kinds = make_type(
        source_relation="public.kinds",
        key_columns=("id",),
        time_column="at",
        label_time_column=None,
        target_column="y",
        feature_columns=tuple(features.split()),
    )

    row = read_rows(database_url, kinds, visible_at=LATE).iloc[0]
    assert row["id"] == "12345678901234567890"  # an exact key stays exact
    assert row["domain"] == 7.5
    assert row["mood"] == "glad"
    assert row["uuid"].endswith("0001")
    assert row["json"] == '{"a": 1}'
    assert row["padded"] == "x"
    assert (row["lasted"], row["clock"], row["small"], row["single"]) == (5400, 3600, 2, 1.5)
    assert row["money"] == 3.5
    assert np.isnan(row["nothing"])
    assert row["yes"]
    assert pd.isna(row["never"])
    assert row["host"].startswith("10.0.0.1")


def test_integers_with_nulls_are_floats(
    database_url: str, orders: ModelType, db: psycopg.Connection
) -> None:
    db.execute("alter table public.orders add column pieces int")
    db.execute("update public.orders set pieces = id where id > 1")
    frame = read_rows(database_url, replace(orders, feature_columns=("pieces",)), visible_at=LATE)
    assert frame["pieces"].dtype == np.float64
    assert frame["pieces"].isna().sum() == 1


@pytest.mark.parametrize("kind", ["int[]", "bytea", "point", "int4range"])
def test_a_type_that_no_model_can_use_is_named(
    database_url: str, orders: ModelType, db: psycopg.Connection, kind: str
) -> None:
    db.execute(f"alter table public.orders add column odd {kind}")
    with pytest.raises(DataError, match=r"column 'odd' of public.orders has the type"):
        read_rows(database_url, replace(orders, feature_columns=("odd",)), visible_at=LATE)


def test_names_may_hold_spaces_quotes_and_letters_of_any_kind(
    database_url: str, db: psycopg.Connection
) -> None:
    db.execute('create schema "My Schema"')
    db.execute('grant usage on schema "My Schema" to refit_reader')
    table = '"My Schema"."Wéird ""Näme"". x"'
    db.execute(
        f'create table {table} ("the ""id""" int, "When?" timestamptz, "ÿ; drop" int,'
        """ "a'b$1" float8)"""
    )
    db.execute(f"insert into {table} values (1, '2026-01-01 00:00+00', 1, 0.5)")
    db.execute(f"grant select on {table} to refit_reader")
    weird = make_type(
        source_relation=table,
        key_columns=('the "id"',),
        time_column="When?",
        label_time_column=None,
        target_column="ÿ; drop",
        feature_columns=("a'b$1",),
    )
    frame = read_rows(database_url, weird, visible_at=LATE)
    assert list(frame.columns) == ['the "id"', "When?", "ÿ; drop", "a'b$1"]
    assert len(frame) == 1


@pytest.mark.parametrize(
    "name",
    [
        "orders; drop table public.orders",
        'orders" where true; drop table public.orders; --',
        "orders' or '1'='1",
        'public.orders"; delete from public.orders; --',
    ],
)
def test_a_name_is_never_sql(
    database_url: str, orders: ModelType, db: psycopg.Connection, name: str
) -> None:
    with pytest.raises((DataError, InvalidRequest)):
        read_rows(database_url, replace(orders, source_relation=name), visible_at=LATE)
    with pytest.raises(DataError, match="has no column"):
        read_rows(database_url, replace(orders, target_column=name), visible_at=LATE)
    assert db.execute("select count(*) from public.orders").fetchone() == (10,)


def test_a_relation_that_is_not_there_is_named_with_near_names(
    database_url: str, orders: ModelType, db: psycopg.Connection
) -> None:
    with pytest.raises(DataError, match=r"no table or view public\.order\..*'public\.orders'"):
        read_rows(database_url, replace(orders, source_relation="public.order"), visible_at=LATE)
    with pytest.raises(DataError, match=r"Did you mean public\.orders"):
        read_rows(database_url, replace(orders, source_relation="shop.Orders"), visible_at=LATE)


def test_a_column_that_is_not_there_is_named_with_near_names(
    database_url: str, orders: ModelType
) -> None:
    with pytest.raises(DataError, match=r"no column 'amuont'.*'amount'"):
        read_rows(database_url, replace(orders, feature_columns=("amuont",)), visible_at=LATE)


def test_a_time_column_must_be_a_time(database_url: str, orders: ModelType) -> None:
    with pytest.raises(DataError, match=r"time column 'city'.* is text.*placed_at, paid_at"):
        read_rows(database_url, replace(orders, time_column="city"), visible_at=LATE)
    with pytest.raises(DataError, match=r"label-time column 'amount'.* is numeric"):
        read_rows(database_url, replace(orders, label_time_column="amount"), visible_at=LATE)


def test_a_number_that_no_float_can_hold_is_an_error_not_a_guess(
    database_url: str, orders: ModelType, db: psycopg.Connection
) -> None:
    db.execute("alter table public.orders add column huge numeric default 1e400")
    with pytest.raises(DataError, match="out of range"):
        read_rows(database_url, replace(orders, feature_columns=("huge",)), visible_at=LATE)


def test_reading_changes_nothing_and_cannot(
    database_url: str, orders: ModelType, db: psycopg.Connection
) -> None:
    db.execute(
        """
        create function public.sneak() returns int language plpgsql security definer
        as $$ begin delete from public.orders; return 1; end $$
        """
    )
    db.execute("create view public.trap as select *, public.sneak() as x from public.orders")
    db.execute("grant select on public.trap to refit_reader")
    trap = make_type(source_relation="public.trap", feature_columns=("x",))
    with pytest.raises(DataError, match="read-only transaction"):
        read_rows(database_url, trap, visible_at=LATE)
    assert db.execute("select count(*) from public.orders").fetchone() == (10,)


def test_addresses_may_carry_parameters(database_url: str, orders: ModelType) -> None:
    url = f"{database_url}?sslmode=disable&options=-c%20statement_timeout%3D7000"
    assert len(read_rows(url, orders, visible_at=LATE)) == 10


def test_a_database_that_is_away_is_unavailable(orders: ModelType) -> None:
    with pytest.raises(DatabaseUnavailable) as caught:
        read_rows("postgresql://me:s3cr%40t@127.0.0.1:1/x", orders, visible_at=LATE)
    assert "s3cr" not in str(caught.value)
    assert caught.value.transient


def test_a_wrong_password_or_address_is_a_configuration_error_without_the_secret(
    database_url: str, orders: ModelType
) -> None:
    wrong = "postgresql://postgres:s3cret@" + database_url.rpartition("@")[2]
    for url in (wrong, "postgresql://me:s3cret@h:1/x?nonsense=1", "s3cret"):
        with pytest.raises(ConfigurationError) as caught:
            read_rows(url, orders, visible_at=LATE)
        assert "s3cret" not in str(caught.value)


def test_a_query_that_takes_too_long_says_so(
    database_url: str, orders: ModelType, db: psycopg.Connection
) -> None:
    db.execute("create view public.slow as select *, pg_sleep(1)::text as z from public.orders")
    db.execute("grant select on public.slow to refit_reader")
    slow = make_type(source_relation="public.slow", feature_columns=("z",))
    url = f"{database_url}?options=-c%20statement_timeout%3D100"
    with pytest.raises(DataError, match=r"statement timeout.*statement_timeout"):
        read_rows(url, slow, visible_at=LATE)


def test_a_connection_cut_in_the_middle_is_unavailable(
    database_url: str, orders: ModelType, db: psycopg.Connection
) -> None:
    db.execute(
        """
        create function public.cut() returns text language plpgsql security definer
        as $$ begin perform pg_terminate_backend(pg_backend_pid()); return ''; end $$
        """
    )
    db.execute("create view public.cut as select *, public.cut() as z from public.orders")
    db.execute("grant select on public.cut to refit_reader")
    cut = make_type(source_relation="public.cut", feature_columns=("z",))
    with pytest.raises(DatabaseUnavailable, match="went away"):
        read_rows(database_url, cut, visible_at=LATE)


def test_a_label_that_comes_early_can_be_made_to_wait_for_the_usual_delay(
    database_url: str, orders: ModelType, db: psycopg.Connection
) -> None:
    # Labels come two days after their row: of 3 at once, of 1 on the seventh, of 7 on the twelfth.
    db.execute("update public.orders set paid_at = placed_at where id = 3")
    db.execute("update public.orders set paid_at = %s where id = 1", [day(7)])
    db.execute("update public.orders set paid_at = %s where id = 7", [day(12)])
    delayed = replace(orders, label_time_column=None, label_delay=timedelta(days=2))

    def counting(kind: ModelType, wait: int) -> list[int]:
        frame = read_rows(
            database_url,
            kind,
            visible_at=day(10),
            start=day(6),
            end=day(10),
            window_by="label_time",
            least_delay=timedelta(days=wait),
        )
        return ids(frame)

    assert counting(orders, 4) == [1, 3, 4, 5, 6]
    assert counting(delayed, 4) == [3, 4, 5, 6]
    assert counting(delayed, 1) == [5, 6, 7, 8]
