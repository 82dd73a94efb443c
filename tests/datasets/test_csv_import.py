from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from core.datasets import ImportedTable, check_access, import_csv, read_rows
from core.datasets.csv_parsing import parse_csv
from core.errors import DataError, InvalidRequest, RefitError
from tests.datasets.conftest import make_type

HOURLY = timedelta(hours=1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "My data-2.csv"


def write(file: Path, content: str | bytes) -> Path:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def rows(db: psycopg.Connection, table: ImportedTable) -> list[tuple[Any, ...]]:
    return db.execute(f"select * from {table.relation} order by row_id").fetchall()


def types(db: psycopg.Connection, table: ImportedTable) -> dict[str, str]:
    return dict(
        db.execute(
            "select attname, format_type(atttypid, atttypmod) from pg_attribute"
            " where attrelid = %s::regclass and attnum > 0",
            [table.relation],
        ).fetchall()
    )


def test_types_are_inferred_from_all_rows(
    database_url: str, db: psycopg.Connection, file: Path
) -> None:
    late_float = "\n".join(["1"] * 200_000)
    write(
        file,
        "when,day,n,x,ok,word,none,mixed\n"
        "2026-01-01T12:00:00,2026-01-01,1,1.5,true,a,,1\n"
        "2026-01-01T13:00:00.25,2026-01-02,,2,false,,,b\n",
    )
    table = import_csv(database_url, file, time_column="when")
    long = import_csv(
        database_url, write(file, f"v\n{late_float}\n1.5\n"), table="long", every=HOURLY
    )

    assert types(db, table) == {
        "row_id": "bigint",
        "when_": "timestamp with time zone",
        "day": "date",
        "n": "bigint",
        "x": "double precision",
        "ok": "boolean",
        "word": "text",
        "none": "text",
        "mixed": "text",
    }
    first, second = rows(db, table)
    assert first == (
        1,
        datetime(2026, 1, 1, 12, tzinfo=UTC),
        date(2026, 1, 1),
        1,
        1.5,
        True,
        "a",
        None,
        "1",
    )
    assert second[1] == datetime(2026, 1, 1, 13, 0, 0, 250_000, tzinfo=UTC)
    assert second[3] is None
    assert second[6] is None
    assert types(db, long)["v"] == "double precision"
    assert long.rows == 200_001


def test_the_result_describes_the_table(
    database_url: str, db: psycopg.Connection, file: Path
) -> None:
    write(file, "At,Price (EUR),price_eur,order,row_id\n2026-01-01,1,2,3,4\n")
    table = import_csv(database_url, file)

    assert table.relation == "public.my_data_2"
    assert table.columns == ("at", "price_eur", "price_eur_2", "order_", "row_id_2")
    assert table.names["Price (EUR)"] == "price_eur"
    assert (table.time_column, table.key_columns, table.rows) == ("at", ("row_id",), 1)


def test_rows_can_be_spaced_from_an_origin(
    database_url: str, db: psycopg.Connection, file: Path
) -> None:
    write(file, "x\n1\n2\n3\n")
    default = import_csv(database_url, file, every=timedelta(minutes=30))
    chosen = import_csv(
        database_url, file, table="b", every=HOURLY, origin=datetime(2026, 1, 1, tzinfo=UTC)
    )

    start = datetime(2000, 1, 1, tzinfo=UTC)
    assert default.time_column == "event_time"
    assert [r[1] for r in rows(db, default)] == [start + i * HOURLY / 2 for i in range(3)]
    assert rows(db, chosen)[2][1] == datetime(2026, 1, 1, 2, tzinfo=UTC)


def test_the_table_is_closed_to_everybody_but_the_owner_and_the_reader(
    database_url: str, db: psycopg.Connection, file: Path
) -> None:
    table = import_csv(database_url, write(file, "x,y\n1,0\n2,1\n"), every=HOURLY)
    imported = make_type(
        source_relation=table.relation,
        key_columns=table.key_columns,
        time_column=table.time_column,
        label_time_column=None,
        target_column="y",
        feature_columns=("x",),
    )
    check_access(database_url, imported)
    assert len(read_rows(database_url, imported, visible_at=datetime(2001, 1, 1, tzinfo=UTC))) == 2
    db.execute(f"grant select on {table.relation} to anon")  # as Supabase's defaults once did
    with db.transaction():
        db.execute("set local role anon")
        assert rows(db, table) == []


def test_the_time_is_indexed_and_new_rows_get_a_key(
    database_url: str, db: psycopg.Connection, file: Path
) -> None:
    table = import_csv(database_url, write(file, "x\n1\n2\n"), every=HOURLY)
    db.execute(f"insert into {table.relation} (event_time, x) values (now(), 3)")
    assert [r[0] for r in rows(db, table)] == [1, 2, 3]
    indexes = db.execute("select indexdef from pg_indexes where tablename = 'my_data_2'").fetchall()
    assert any("(event_time)" in definition for (definition,) in indexes)


def test_an_existing_table_is_kept_unless_it_is_to_be_replaced(
    database_url: str, db: psycopg.Connection, file: Path
) -> None:
    write(file, "x\n1\n")
    import_csv(database_url, file, every=HOURLY)
    write(file, "x\n5\n")
    with pytest.raises(InvalidRequest, match=r"exists already.*--replace"):
        import_csv(database_url, file, every=HOURLY)
    table = import_csv(database_url, file, every=HOURLY, replace=True)
    assert rows(db, table)[0][2] == 5

    db.execute("create view public.v as select 1 as x")
    with pytest.raises(InvalidRequest, match="is a view"):
        import_csv(database_url, file, table="v", every=HOURLY, replace=True)
    with pytest.raises(InvalidRequest, match="Refit's own"):
        import_csv(database_url, file, table="ml_models", every=HOURLY, replace=True)


def test_replacing_a_table_that_something_depends_on_changes_nothing(
    database_url: str, db: psycopg.Connection, file: Path
) -> None:
    table = import_csv(database_url, write(file, "x\n1\n"), every=HOURLY)
    db.execute(f"create view public.v as table {table.relation}")
    with pytest.raises(RefitError, match="depend"):
        import_csv(database_url, file, every=HOURLY, replace=True)
    assert len(rows(db, table)) == 1


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(
    database_url: str, db: psycopg.Connection, file: Path, delimiter: str
) -> None:
    write(file, delimiter.join(["a", "b", "c"]) + "\n" + delimiter.join(["1", '"x,;|y"', "2"]))
    table = import_csv(database_url, file, every=HOURLY)
    assert rows(db, table)[0][2:] == (1, "x,;|y", 2)


def test_decimal_commas_are_numbers(database_url: str, db: psycopg.Connection, file: Path) -> None:
    table = import_csv(database_url, write(file, "a;b\n1,5;x\n2;y\n"), every=HOURLY)
    assert [r[2] for r in rows(db, table)] == [1.5, 2.0]


def test_quoted_line_breaks_and_windows_line_ends_are_read(
    database_url: str, db: psycopg.Connection, file: Path
) -> None:
    write(file, 'a,b\r\n1,"two\r\nlines, ""quoted"""\r\n2,x\r\n')
    table = import_csv(database_url, file, every=HOURLY)
    assert [r[3] for r in rows(db, table)] == ['two\r\nlines, "quoted"', "x"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_encodings_are_found(
    database_url: str, db: psycopg.Connection, file: Path, encoding: str
) -> None:
    write(file, "größe,x\nmüde,1\n".encode(encoding))
    table = import_csv(database_url, file, every=HOURLY)
    assert table.columns == ("event_time", "größe", "x")
    assert rows(db, table)[0][2] == "müde"
    assert bool(table.notes) == (encoding == "latin-1")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("a,b\n", "no rows"),
        ("1,2\n3,4\n", "not headings"),
        ("a,b\n1,2\n3\n", "Line 3 .* has 1 cells, the headings are 2"),
        ('a,b\n1,"x\ny"\n3,4,5\n', "Line 4 .* has 3 cells"),
        (b"a,b\n1,\x00\n", "NUL"),
        ('a,b\n1,"' + "x" * 200_000, "not a CSV file from line 2 on"),
    ],
)
def test_a_file_that_is_no_table_is_refused_and_leaves_nothing(
    database_url: str, db: psycopg.Connection, file: Path, content: str | bytes, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        import_csv(database_url, write(file, content), every=HOURLY)
    assert db.execute("select to_regclass('public.my_data_2')").fetchone() == (None,)


def test_a_missing_file_is_named(database_url: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"nothing\.csv cannot be read: No such file"):
        import_csv(database_url, tmp_path / "nothing.csv", every=HOURLY)


@pytest.mark.parametrize(
    ("content", "time", "message"),
    [
        ("a,b\nx,1\n", "a", "time column 'a' .* holds 'x'"),
        ("a,b\n1,1\n", "a", "holds 1, which is not a time"),
        ("a,b\n2026-01-01,1\n,2\n", "a", "Row 2 .* no value in the time column"),
        ("a,b\n2026-01-01,1\n", "c", "no column 'c'"),
        ("a,b\n1,1\n", None, "not clear when"),
        ("a,b\n2026-01-01,2026-01-01\n", None, "not clear when.*a, b"),
    ],
)
def test_a_time_column_must_say_when_for_every_row(
    database_url: str, db: psycopg.Connection, file: Path, content: str, time: str, message: str
) -> None:
    with pytest.raises(RefitError, match=message):
        import_csv(database_url, write(file, content), time_column=time)
    assert db.execute("select to_regclass('public.my_data_2')").fetchone() == (None,)


def test_arguments_that_contradict_each_other_are_refused(database_url: str, file: Path) -> None:
    write(file, "a\n2026-01-01\n")
    naive = datetime(2026, 1, 1)  # noqa: DTZ001
    bad: list[dict[str, Any]] = [
        {"time_column": "a", "every": HOURLY},
        {"origin": datetime(2026, 1, 1, tzinfo=UTC)},
        {"every": HOURLY, "origin": naive},
        {"every": timedelta(0)},
        {"every": timedelta(days=4_000_000)},
        {"every": HOURLY, "table": "other.t"},
        {"every": HOURLY, "table": "t" * 64},
    ]
    for arguments in bad:
        with pytest.raises(InvalidRequest):
            import_csv(database_url, file, **arguments)


def test_headings_become_safe_names(database_url: str, db: psycopg.Connection, file: Path) -> None:
    evil = 'x"; drop table users; --'
    long = "é" * 60
    write(
        file,
        f'"{evil.replace(chr(34), chr(34) * 2)}",,2020,SELECT,{long},{long},ctid,a\u00a0b\n'
        + "1," * 7
        + "1\n",
    )
    table = import_csv(database_url, file, every=HOURLY)
    assert table.columns == (
        "event_time",
        "x_drop_table_users",
        "column_2",
        "c_2020",
        "select_",
        "é" * 31,
        "é" * 30 + "_2",
        "ctid_",
        "a_b",
    )
    db.execute(f"select x_drop_table_users, c_2020, ctid_ from {table.relation}")


def test_the_electricity_data_is_read_whole(
    database_url: str, db: psycopg.Connection, shared_data: Path
) -> None:
    table = import_csv(database_url, shared_data / "electricity.csv", every=timedelta(minutes=30))
    assert table.rows == 45_312
    assert types(db, table)["class"] == "bigint"
    assert rows(db, table)[-1][1] == datetime(2000, 1, 1, tzinfo=UTC) + 45_311 * HOURLY / 2


def test_headings_may_stand_below_blank_lines_and_hold_line_breaks(
    database_url: str, db: psycopg.Connection, file: Path
) -> None:
    table = import_csv(database_url, write(file, '\n\n"a\nb",c\n1,2\n\n3,4\n'), every=HOURLY)
    assert table.columns == ("event_time", "a_b", "c")
    assert [r[2:] for r in rows(db, table)] == [(1, 2), (3, 4)]


@pytest.mark.parametrize(
    "text",
    ["2026-01-01T12:00:00Z", "2026-01-01 14:00:00+02:00", "2026-01-01 12:00:00.000000+00:00"],
)
def test_times_with_a_zone_keep_their_moment(
    database_url: str, db: psycopg.Connection, file: Path, text: str
) -> None:
    table = import_csv(database_url, write(file, f"at,x\n{text},1\n"))
    assert rows(db, table)[0][1] == datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_without_the_reader_role_it_says_what_to_run(
    empty_database_url: str, database_url: str, file: Path
) -> None:
    write(file, "x\n1\n")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("alter role refit_reader rename to refit_reader_away")
        try:
            with pytest.raises(DataError, match=r"refit_reader.* does not exist.*refit migrate"):
                import_csv(empty_database_url, file, every=HOURLY)
        finally:
            connection.execute("alter role refit_reader_away rename to refit_reader")


def imported(database_url: str, file: Path, *cells: str) -> ImportedTable:
    """A file of one column ``x`` (any delimiter but ``;`` may stand in a cell)."""
    return import_csv(
        database_url,
        write(file, "\n".join(["x;y", *(f"{c};a" for c in cells)])),
        every=HOURLY,
        replace=True,
    )


def test_the_inferred_types_are_told(database_url: str, db: psycopg.Connection, file: Path) -> None:
    table = import_csv(database_url, write(file, "at,n,x,ok\n2026-01-01,1,1.5,true\n"))
    assert table.types == {"at": "date", "n": "bigint", "x": "double precision", "ok": "boolean"}
    assert table.types.items() <= types(db, table).items()


@pytest.mark.parametrize(
    "codes", [("01067", "10115"), ("10115", "", "01067"), ("00491701234567890123", "1")]
)
def test_digits_with_leading_zeros_stay_text(
    database_url: str, db: psycopg.Connection, file: Path, codes: tuple[str, ...]
) -> None:
    table = imported(database_url, file, *codes)
    assert [r[2] for r in rows(db, table)] == [code or None for code in codes]
    assert table.types["x"] == "text"
    assert any("'x'" in text and "leading zeros" in text for text in table.notes)


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (("0", "10", "0"), "bigint", [0, 10, 0]),
        (("0.5", "007.5"), "double precision", [0.5, 7.5]),
        (("1,234.50", "", "-12.25", "2,000,000"), "double precision", [1234.5, None, -12.25, 2e6]),
        (("2.253,60", "1.234", "999"), "double precision", [2253.6, 1234.0, 999.0]),
        (("1,234,567", "12"), "bigint", [1234567, 12]),
        (("1.234.567", "+12"), "bigint", [1234567, 12]),
    ],
)
def test_numbers_with_marks_of_thousands_are_numbers_where_the_column_is_clear(
    database_url: str,
    db: psycopg.Connection,
    file: Path,
    cells: tuple[str, ...],
    kind: str,
    values: list[object],
) -> None:
    table = imported(database_url, file, *cells)
    assert table.types["x"] == kind
    assert [r[2] for r in rows(db, table)] == values
    assert table.notes == ()


def test_a_comma_in_quotes_may_be_a_decimal_mark(
    database_url: str, db: psycopg.Connection, file: Path
) -> None:
    table = import_csv(database_url, write(file, 'a,b\n"1,5",x\n"2.000,25",y\n'), every=HOURLY)
    assert [r[2] for r in rows(db, table)] == [1.5, 2000.25]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('x,y\n"1,234.50",a\n"2.253,60",a\n', "mixes"),
        ('x,y\n"1,234.50",a\n"2,253.60",a\nmany,a\n', "'many' is no number"),
        ('x,y\n"1,234",a\n"2,253",a\n', "1,234 may be in the thousands or a fraction"),
    ],
)
def test_numbers_that_are_not_clear_stay_text_with_a_note(
    database_url: str, db: psycopg.Connection, file: Path, content: str, reason: str
) -> None:
    table = import_csv(database_url, write(file, content), every=HOURLY)
    assert table.types["x"] == "text"
    assert ["'x'" in text and reason in text for text in table.notes] == [True]


def test_names_made_of_digits_and_letters_are_no_numbers(database_url: str, file: Path) -> None:
    table = imported(database_url, file, "17", "18a", "19")
    assert (table.types["x"], table.notes) == ("text", ())


@pytest.mark.parametrize("mark", [".", "/", "-"])
def test_dates_are_read_where_a_day_above_twelve_tells_their_order(
    database_url: str, db: psycopg.Connection, file: Path, mark: str
) -> None:
    day_first = imported(database_url, file, f"1{mark}03{mark}2026", "", f"31{mark}12{mark}2026")
    assert [r[2] for r in rows(db, day_first)] == [date(2026, 3, 1), None, date(2026, 12, 31)]
    month_first = imported(database_url, file, f"03{mark}01{mark}2026", f"12{mark}31{mark}2026")
    assert [r[2] for r in rows(db, month_first)] == [date(2026, 3, 1), date(2026, 12, 31)]
    assert day_first.notes == month_first.notes == ()


def test_dates_may_have_a_time_of_day(
    database_url: str, db: psycopg.Connection, file: Path
) -> None:
    write(file, "at;x\n31.01.2026 9:05;1\n01.02.2026 14:30:15;2\n02.02.2026;3\n")
    table = import_csv(database_url, file)
    assert [r[1] for r in rows(db, table)] == [
        datetime(2026, 1, 31, 9, 5, tzinfo=UTC),
        datetime(2026, 2, 1, 14, 30, 15, tzinfo=UTC),
        datetime(2026, 2, 2, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (("01.03.2026", "02/03/2026"), "with the day or with the month"),
        (("31.03.2026", "03.31.2026"), "some begin with the day and some with the month"),
        (("31.03.2026", "soon"), "'soon' is not written like the others"),
        (("31.02.2026", "01.02.2026"), "does not exist"),
    ],
)
def test_dates_that_are_not_clear_stay_text_with_a_note(
    database_url: str, file: Path, cells: tuple[str, ...], reason: str
) -> None:
    table = imported(database_url, file, *cells)
    assert table.types["x"] == "text"
    assert ["'x'" in text and reason in text for text in table.notes] == [True]
    assert "like 2026-01-31" in table.notes[0]


def test_a_time_column_that_is_not_clear_says_why(database_url: str, file: Path) -> None:
    with pytest.raises(DataError, match="'at'.*with the day or with the month.*2026-01-31"):
        import_csv(database_url, write(file, "at,x\n01.03.2026,1\n"), time_column="at")


def test_a_table_that_was_not_imported_is_never_replaced(
    database_url: str, db: psycopg.Connection, file: Path
) -> None:
    db.execute("create table public.customers as select 7 as x")
    write(file, "x\n1\n")
    for comment in (None, "My customers"):
        if comment:
            db.execute(f"comment on table public.customers is '{comment}'")
        with pytest.raises(InvalidRequest, match=r"public\.customers was not made by an import"):
            import_csv(database_url, file, table="customers", every=HOURLY, replace=True)
    assert db.execute("select x from public.customers").fetchall() == [(7,)]


def test_two_hundred_thousand_rows_are_typed_in_a_moment(file: Path) -> None:
    line = "17,01067,31.01.2026,{},some words,2026-01-31T12:00:00Z\n"
    lines = [line.format('"1,234.50"'), line.format("12.5")] * 100_000
    parsed_in = time.process_time()
    parsed = parse_csv(write(file, "n,code,day,price,text,at\n" + "".join(lines)))
    assert parsed.table.num_rows == 200_000
    assert time.process_time() - parsed_in < 3
