"""Writing, sealing, verifying and tampering with the audit log, for the tests of its seals."""

from __future__ import annotations

import time
from typing import Any

from core.audit import Head, Verification, verify_audit_log
from tests.database.factories import Row, Scene


def write(scene: Scene, count: int = 1, action: str = "test.happened") -> None:
    """Audit rows of one transaction."""
    scene.owner.execute(
        "insert into workflow_audit_logs (actor, action, entity_id) "
        'select \'{"id": "t"}\', %s, n::text from generate_series(1, %s) as n',
        (action, count),
    )


def write_each(scene: Scene, count: int) -> None:
    """Audit rows of a transaction each."""
    for _ in range(count):
        write(scene)


def seal(scene: Scene) -> Row:
    # A transaction of autovacuum, too, is one that has not ended.
    while scene.rows(
        "select from pg_stat_activity where backend_type like 'autovacuum%%' "
        "and backend_xid is not null"
    ):
        time.sleep(0.01)
    answer: Row = scene.database.call("seal_audit_log", {})
    return answer


def seals(scene: Scene) -> list[Row]:
    return scene.rows("select * from private.audit_seals order by number")


def row_count(scene: Scene) -> int:
    count: int = scene.row("select count(*) as count from workflow_audit_logs")["count"]
    return count


def verified(scene: Scene, *heads: Head) -> Verification:
    return verify_audit_log(scene.store, heads)


def problems(scene: Scene) -> list[tuple[str, int]]:
    return [(p.kind, p.detail["seal"]) for p in verified(scene).problems]


def tamper(scene: Scene, statement: str, *values: Any) -> None:
    """What only the owner can do: triggers are off for the statement."""
    with scene.owner.transaction():
        scene.owner.execute("set local session_replication_role = replica")
        changed = scene.owner.execute(statement, values)
        assert changed.rowcount > 0
