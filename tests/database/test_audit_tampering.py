"""Whatever is tampered with in the audit log or in its seals is found, and where it is."""

from __future__ import annotations

from datetime import datetime, timedelta

import psycopg
import pytest

from core.audit import Head
from tests.database.audit_log import problems, seal, seals, tamper, verified, write, write_each
from tests.database.factories import Row, Scene


@pytest.fixture
def sealed(scene: Scene) -> Scene:
    """Three seals over two rows each."""
    for _ in range(3):
        write_each(scene, 2)
        seal(scene)
    assert problems(scene) == []
    return scene


def victim(scene: Scene, number: int = 2) -> Row:
    """A row that a seal covers."""
    return scene.row(
        "select a.* from workflow_audit_logs as a join private.audit_seals as s "
        "on a.transaction_id >= s.from_transaction and a.transaction_id < s.to_transaction "
        "where s.number = %s order by a.created_at limit 1",
        number,
    )


def test_a_removed_row_is_found_with_its_range_and_times(sealed: Scene) -> None:
    row = victim(sealed)
    tamper(sealed, "delete from workflow_audit_logs where id = %s", row["id"])

    (problem,) = verified(sealed).problems

    assert problem.kind == "rows_removed"
    assert (
        problem.detail["seal"],
        problem.detail["sealed_rows"],
        problem.detail["found_rows"],
    ) == (*(2, 2, 1),)
    first, last = (datetime.fromisoformat(problem.detail[n]) for n in ("first_at", "last_at"))
    assert first <= row["created_at"] <= last
    assert last - first < timedelta(minutes=1)
    assert f"transactions {problem.detail['from_transaction']} to" in problem.message
    assert "sealed were 2, there are 1" in problem.message


@pytest.mark.parametrize(
    "change",
    [
        'actor = \'{"id": "somebody"}\'',
        "action = 'nothing'",
        "entity = 'x'",
        "entity_id = 'x'",
        "model_type = 'x'",
        "environment = 'staging'",
        "before = '{}'",
        "after = '{\"n\": 1}'",
        "detail = '[]'",
        "request_id = 'x'",
        "id = gen_random_uuid()",
        "created_at = created_at + interval '1 microsecond'",
    ],
)
def test_a_change_of_any_column_is_found(sealed: Scene, change: str) -> None:
    row = victim(sealed)
    tamper(sealed, f"update workflow_audit_logs set {change} where id = %s", row["id"])

    assert problems(sealed) == [("rows_changed", 2)]


def test_a_row_that_moves_to_another_transaction_is_found(sealed: Scene) -> None:
    row = victim(sealed, 1)
    there = victim(sealed, 3)["transaction_id"]
    tamper(
        sealed,
        "update workflow_audit_logs set transaction_id = %s::text::xid8 where id = %s",
        str(there),
        row["id"],
    )

    assert problems(sealed) == [("rows_removed", 1), ("rows_added", 3)]


def test_a_row_that_is_slipped_in_is_found(sealed: Scene) -> None:
    there = victim(sealed)["transaction_id"]
    sealed.owner.execute(
        "insert into workflow_audit_logs (actor, action, transaction_id) "
        "values ('{}', 'never', %s::text::xid8)",
        (str(there),),
    )

    assert problems(sealed) == [("rows_added", 2)]
    # Sealing goes on, and does not make it right.
    write(sealed)
    assert seal(sealed)["rows"] == 1
    assert problems(sealed) == [("rows_added", 2)]


@pytest.mark.parametrize(
    "change",
    [
        "row_count = 1",
        "months = '{}'",
        "from_id = gen_random_uuid()",
        "to_id = gen_random_uuid()",
        "first_at = first_at - interval '1 day'",
        "last_at = last_at + interval '1 day'",
        "sealed_at = sealed_at - interval '1 day'",
        "kind = 'pruned'",
        "cluster_id = 7",
        "hash = repeat('0', 64)",
    ],
)
def test_a_changed_seal_is_found(sealed: Scene, change: str) -> None:
    tamper(sealed, f"update private.audit_seals set {change} where number = 2")

    found = problems(sealed)

    assert ("seal_changed", 2) in found
    # The hash is what the next seal was hung on.
    assert found[1:] == ([("chain_broken", 3)] if change.startswith("hash") else [])


def test_a_seal_that_was_made_anew_breaks_the_chain(sealed: Scene) -> None:
    tamper(sealed, "delete from workflow_audit_logs where id = %s", victim(sealed)["id"])
    tamper(
        sealed,
        "update private.audit_seals as s set months = jsonb_set(s.months, "
        "array[m.month], jsonb_build_object('rows', m.rows, 'hash', m.hash)), row_count = 1 "
        "from (select month, count(*) as rows, encode(sha256(string_agg(hash, ''::bytea order by "
        "transaction_id, id)), 'hex') as hash from private.hashed_audit_rows where "
        "transaction_id >= %s::text::xid8 and transaction_id < %s::text::xid8 group by month) as m "
        "where s.number = 2",
        *(str(seals(sealed)[1][name]) for name in ("from_transaction", "to_transaction")),
    )
    tamper(
        sealed,
        "update private.audit_seals as s set hash = private.audit_seal_hash(s) where number = 2",
    )

    assert problems(sealed) == [("chain_broken", 3)]


def test_removed_seals_are_found_between_the_times_of_their_neighbours(sealed: Scene) -> None:
    before, _, after = seals(sealed)
    tamper(sealed, "delete from private.audit_seals where number = 2")

    (problem,) = verified(sealed).problems

    assert (problem.kind, problem.detail["seal"]) == ("seal_missing", 2)
    assert datetime.fromisoformat(problem.detail["first_at"]) == before["sealed_at"]
    assert datetime.fromisoformat(problem.detail["last_at"]) == after["sealed_at"]

    tamper(sealed, "delete from private.audit_seals where number = 1")
    assert [p.message.split(",")[0] for p in verified(sealed).problems] == [
        "Seals 1 to 2 are missing"
    ]


def test_what_the_owner_rewrote_wholly_shows_against_a_head_kept_elsewhere(sealed: Scene) -> None:
    newest = sealed.store.get_audit_seal()
    assert newest is not None
    kept = Head(number=newest["number"], hash=newest["hash"])
    assert verified(sealed, kept).problems == ()

    tamper(sealed, "delete from workflow_audit_logs where id = %s", victim(sealed)["id"])
    tamper(sealed, "delete from private.audit_seals")
    assert sealed.store.get_audit_seal() is None
    (gone,) = verified(sealed, kept).problems
    assert (gone.kind, gone.message) == ("head_differs", "Seal 3 is gone.")
    for _ in range(3):
        write(sealed)
        seal(sealed)

    assert problems(sealed) == []
    (problem,) = verified(sealed, kept).problems
    assert (problem.kind, problem.message) == (
        "head_differs",
        "Seal 3 was another when its head was kept.",
    )


@pytest.mark.parametrize("role", ["postgres", "service_role", "authenticated"])
@pytest.mark.parametrize(
    "statement", ["update {} set row_count = 0", "delete from {}", "truncate {}"]
)
def test_nobody_changes_or_removes_a_seal(sealed: Scene, role: str, statement: str) -> None:
    sealed.owner.execute(f"set role {role}")
    with pytest.raises(psycopg.Error) as refused:
        sealed.owner.execute(statement.format("private.audit_seals"))
    sealed.owner.execute("reset role")

    assert refused.value.sqlstate == ("PT403" if role == "postgres" else "42501")
    assert len(seals(sealed)) == 3
