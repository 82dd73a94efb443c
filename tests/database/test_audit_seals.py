"""The chain of seals: no row is missed, none is sealed twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime

import psycopg
import pytest

from core.audit import Head, Verification, parse_heads
from core.domain import Role
from core.errors import InvalidRequest
from core.settings import Settings
from tests.database.audit_log import (
    problems,
    row_count,
    seal,
    seals,
    tamper,
    verified,
    write,
    write_each,
)
from tests.database.factories import Scene, digest

RETENTION = Settings().retention_days


@pytest.fixture
def other(database_url: str) -> Iterator[psycopg.Connection]:
    """Another session, in a transaction of its own from its first statement on."""
    with psycopg.connect(database_url) as connection:
        yield connection


# Sealing ------------------------------------------------------------------------------------


def test_each_tick_seals_what_came_since(scene: Scene) -> None:
    scene.model_type("churn")
    first = seal(scene)
    scene.champion()

    second = seal(scene)
    third = seal(scene)

    assert first["seals"] == second["seals"] == 1
    assert third == {"seals": 0, "rows": 0}
    assert first["rows"] + second["rows"] == row_count(scene) > 5
    one, two = seals(scene)
    assert (one["number"], one["previous_hash"]) == (1, None)
    assert (two["number"], two["previous_hash"]) == (2, one["hash"])
    assert (two["from_transaction"], two["from_id"]) == (one["to_transaction"], one["to_id"])
    assert one["first_at"] <= one["last_at"] <= two["first_at"] <= two["last_at"]
    assert verified(scene) == Verification(seals=2, rows=row_count(scene), pruned_rows=0, heads=0)


def test_a_row_that_commits_late_is_sealed_later_and_once(
    scene: Scene, other: psycopg.Connection
) -> None:
    scene.model_type("churn")
    seal(scene)
    other.execute("insert into workflow_audit_logs (actor, action) values ('{}', 'late')")
    write_each(scene, 3)

    # The open transaction is older than the three: none of them is sealed yet.
    assert seal(scene)["rows"] == 0
    other.execute("insert into workflow_audit_logs (actor, action) values ('{}', 'later')")
    other.commit()

    assert seal(scene)["rows"] == 5
    assert seal(scene)["rows"] == 0
    assert verified(scene).rows == row_count(scene)
    assert problems(scene) == []


def test_what_ended_before_an_open_transaction_began_is_sealed(
    scene: Scene, other: psycopg.Connection
) -> None:
    write_each(scene, 3)
    other.execute("insert into workflow_audit_logs (actor, action) values ('{}', 'late')")
    write(scene)

    assert seal(scene)["rows"] == 3
    other.rollback()
    assert seal(scene)["rows"] == 1
    assert problems(scene) == []


def test_an_open_transaction_that_has_only_read_delays_nothing(
    scene: Scene, other: psycopg.Connection
) -> None:
    other.execute("select count(*) from workflow_audit_logs")
    write(scene)

    assert seal(scene)["rows"] == 1


def test_two_sealers_do_not_seal_twice(scene: Scene, other: psycopg.Connection) -> None:
    write_each(scene, 3)
    other.execute("select private.seal_audit_log()")

    assert seal(scene) == {"seals": 0, "rows": 0}
    other.commit()
    assert seal(scene) == {"seals": 0, "rows": 0}

    assert [s["row_count"] for s in seals(scene)] == [3]
    assert problems(scene) == []


def test_many_rows_are_many_seals_also_those_of_one_transaction(scene: Scene) -> None:
    write_each(scene, 2)
    write(scene, 25_000)
    write(scene)

    sealed = {"seals": 0, "rows": 0}
    while True:
        more = seal(scene)
        if more["seals"] == 0:
            break
        sealed = {name: sealed[name] + more[name] for name in sealed}

    assert sealed == {"seals": 3, "rows": 25_003}
    assert [s["row_count"] for s in seals(scene)] == [10_000, 10_000, 5_003]
    assert verified(scene) == Verification(seals=3, rows=25_003, pruned_rows=0, heads=0)
    tamper(scene, "delete from workflow_audit_logs where entity_id = '17000'")
    assert [kind for kind, _ in problems(scene)] == ["rows_removed"]


def test_the_hashes_do_not_follow_the_settings_of_a_session(scene: Scene) -> None:
    scene.model_type("churn", retraining_threshold=0.1)
    scene.champion()
    scene.owner.execute(
        "set timezone = 'Asia/Kathmandu'; set datestyle = 'SQL, DMY'; set extra_float_digits = -5;"
        "set intervalstyle = 'sql_standard'; set bytea_output = 'escape'"
    )
    scene.owner.execute("select private.seal_audit_log()")
    scene.owner.execute("reset all")

    assert seals(scene)
    assert problems(scene) == []


def test_a_seal_over_two_months_keeps_them_apart(scene: Scene) -> None:
    scene.owner.execute("select private.create_partition('workflow_audit_logs', '2024-01-01')")
    write(scene)
    scene.owner.execute(
        "insert into workflow_audit_logs (created_at, actor, action) "
        "values ('2024-01-31 23:59:59.999999+00', '{}', 'old')"
    )

    seal(scene)

    (one,) = seals(scene)
    assert {m: v["rows"] for m, v in one["months"].items()} == {
        "2024-01": 1,
        datetime.now(UTC).strftime("%Y-%m"): 1,
    }
    assert problems(scene) == []


def test_writers_and_sealers_at_once_leave_no_row_out(scene: Scene, database_url: str) -> None:
    insert = "insert into workflow_audit_logs (actor, action) values ('{}', %s)"

    def work(number: int) -> None:
        with psycopg.connect(database_url) as connection:
            for turn in range(40):
                connection.execute(insert, (f"{number}.{turn}",))
                time.sleep(0.001 * (number % 3))
                connection.execute(insert, (f"{number}.{turn}",))
                if turn % 4 == 3:
                    connection.rollback()
                else:
                    connection.commit()

    def tick(writing: list[Future[None]]) -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            while not all(writer.done() for writer in writing):
                connection.execute("select private.seal_audit_log()")

    with ThreadPoolExecutor(8) as pool:
        writing = [pool.submit(work, number) for number in range(5)]
        ticking = [pool.submit(tick, writing) for _ in range(3)]
        for done in (*writing, *ticking):
            done.result()
    seal(scene)

    made = seals(scene)
    assert len(made) > 1
    assert sum(s["row_count"] for s in made) == row_count(scene) == 5 * 30 * 2
    assert [s["from_transaction"] for s in made[1:]] == [s["to_transaction"] for s in made[:-1]]
    assert problems(scene) == []


# A copy in another cluster ------------------------------------------------------------------


def restore_elsewhere(scene: Scene) -> None:
    """As after a dump and restore: the rows were numbered by another cluster, which was far on."""
    tamper(
        scene,
        "update workflow_audit_logs set cluster_id = 7, "
        "transaction_id = (transaction_id::text::numeric + 1000000)::text::xid8",
    )


def test_a_copy_in_a_cluster_that_counts_from_anew_is_sealed_on(scene: Scene) -> None:
    write_each(scene, 3)
    restore_elsewhere(scene)
    seal(scene)
    write_each(scene, 2)

    assert seal(scene)["rows"] == 2
    assert seal(scene)["rows"] == 0
    assert {s["cluster_id"] for s in seals(scene)} > {7}
    assert verified(scene).rows == 5
    assert problems(scene) == []
    tamper(scene, "update workflow_audit_logs set action = 'x' where cluster_id = 7")
    assert problems(scene) == [("rows_changed", 1)]


def test_what_was_not_sealed_before_the_dump_is_sealed_after_it(scene: Scene) -> None:
    write_each(scene, 3)
    restore_elsewhere(scene)
    write_each(scene, 2)

    assert seal(scene)["rows"] == 5
    assert seal(scene)["rows"] == 0
    assert problems(scene) == []


# Verifying ---------------------------------------------------------------------------------


def test_verifying_goes_on_over_many_parts(scene: Scene) -> None:
    for _ in range(25):
        write(scene)
        seal(scene)

    parts, after = [], 0
    while True:
        part = scene.database.call("verify_audit_seals", {"p_after": after, "p_limit": 10})
        if part["last"] is None:
            break
        parts.append(part["seals"])
        after = part["last"]

    assert parts == [10, 10, 5]
    assert part["problems"] == []


def test_what_housekeeping_sealed_is_in_its_summary(scene: Scene) -> None:
    scene.store.create_api_key(name="n8n", role=Role.VIEWER, key_hash=digest("key"))

    summary = scene.store.run_housekeeping(RETENTION)

    assert summary == {
        "partitions_created": 0,
        "seals": 1,
        "audit_rows_sealed": row_count(scene),
        "pruned": [],
        "kept": [],
        "deleted": {},
        "failed": {},
    }


# Heads --------------------------------------------------------------------------------------


def test_heads_are_read_as_they_were_printed() -> None:
    one, two = "ab" * 32, "cd" * 32
    expected = [Head(number=1, hash=one), Head(number=2, hash=two)]

    assert parse_heads(f"1 {one} 2026-11-24T09:00:00+00:00\n\n2 {two}\n") == expected
    assert (
        parse_heads(f'{{"number": 1, "hash": "{one}"}}\n{{\n"number": 2, "hash": "{two}"}}\n')
        == expected
    )


@pytest.mark.parametrize("text", ["", "\n", "nonsense", "1 abc", '{"number": 1}', "{", "[]"])
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="head"):
        parse_heads(text)
