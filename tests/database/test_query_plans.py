"""The statements inside the functions find their rows by an index, whatever was done before.

PostgreSQL's auto_explain tells the plan of each statement as it runs. The tables are just large
enough that without the index the planner would rather read a whole one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest

from bench.history import add_ended_jobs, add_model_types
from tests.conftest import temporary_database, with_database

Node = dict[str, Any]

ENDED_JOBS = 6_000
TYPES = 3
CHECKS_A_DAY = 24 * 4
# What grows with every job and check.
GROWING = (
    "ml_training_jobs",
    "ml_models",
    "ml_operations",
    "ml_performance_metrics",
    "ml_model_validations",
)
CHECKS = """
    select private.create_partition(
        'ml_performance_metrics', (current_date - m * interval '1 month')::date
    )
    from generate_series(1, 2) as m;
    insert into public.ml_performance_metrics (
        recorded_at, model_type, environment, model_id, deployment_id, window_start, window_end,
        metric, value, samples, threshold, verdict, needs_retraining, reason
    )
    select
        now() - i * interval '15 minutes', 'type_' || 1 + i % 3, 'production',
        gen_random_uuid(), gen_random_uuid(), now(), now(), 'accuracy', 0.8, 100, 0.03,
        'healthy', false, 'Measured.'
    from generate_series(1, 3000) as i;
"""
OPERATIONS = """
    insert into public.ml_operations (
        kind, environment, status, parameters, requested_by, finished_at
    )
    select 'check', 'production', 'succeeded', '{}', '{}', now()
    from generate_series(1, 3000)
"""
# One of each model by the job that trained it, and two later ones.
VALIDATIONS = """
    set session_replication_role = 'replica';
    insert into public.ml_model_validations (
        model_id, model_type, environment, training_job_id, verdict, auto_deployable, samples,
        gates, reason, created_at
    )
    select
        m.id, m.model_type, 'production', case when i = 0 then m.training_job_id end, 'approved',
        false, 100, '[]', 'Better.', m.created_at + i * interval '1 minute'
    from public.ml_models as m
    cross join generate_series(0, 2) as i;
    insert into public.ml_model_deployments (
        model_type, environment, model_id, validation_id, artifact_hash, serves, cutoff,
        reference, deployed_by, status, valid_from, ended_at
    )
    select
        v.model_type, 'production', v.model_id, v.id, repeat('0', 64), 'approved_fit',
        now(), '{}', '{}', 'retired', now(), now()
    from (
        select distinct on (model_type) * from public.ml_model_validations
        order by model_type, created_at desc
    ) as v;
    reset session_replication_role
"""


class Watched:
    """A session whose statements tell their plans."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self._plans: list[Node] = []
        connection.add_notice_handler(self._hear)
        connection.execute("load 'auto_explain'")
        connection.execute(
            "select set_config('auto_explain.log_' || s.name, s.value, false) from (values "
            "('min_duration', '0'), ('nested_statements', 'on'), ('format', 'json'), "
            "('analyze', 'on'), ('timing', 'off'), ('triggers', 'on'), ('level', 'notice')) "
            "as s (name, value)"
        )

    def call(self, function: str, *arguments: Any) -> Any:
        places = ", ".join(["%s"] * len(arguments))
        self._plans.clear()
        row = self.connection.execute(
            f"select public.{function}({places})".encode(), arguments
        ).fetchone()
        assert self._plans, "the plans were not told"
        return row and row[0]

    def value(self, statement: LiteralString) -> Any:
        """The only value of a query."""
        row = self.connection.execute(statement).fetchone()
        return row and row[0]

    @property
    def triggers(self) -> set[str]:
        """Which triggers the last call's statements fired, beside those of foreign keys."""
        names = {t["Trigger Name"] for plan in self._plans for t in plan.get("Triggers", [])}
        return {name for name in names if not name.startswith("RI_")}

    @property
    def scans(self) -> set[tuple[str, str | None]]:
        """Which growing tables the last call's statements read, and by which index."""
        return {(s["Relation Name"], s.get("Index Name")) for s in self._scans()}

    def rows_read(self, table: str) -> float:
        """How many rows of a table and its partitions they met."""
        return sum(_rows(s) for s in self._scans() if s["Relation Name"].startswith(table))

    def _scans(self) -> list[Node]:
        nodes = (node for plan in self._plans for node in _nodes(plan["Plan"]))
        return [
            node
            for node in nodes
            if "Scan" in node["Node Type"]
            and node.get("Relation Name", "").startswith(GROWING)
            # An empty partition has no index worth a look.
            and (node["Node Type"] != "Seq Scan" or _rows(node))
        ]

    def _hear(self, notice: psycopg.errors.Diagnostic) -> None:
        text = notice.message_primary or ""
        if "plan:\n" in text:
            self._plans.append(json.loads(text.split("plan:\n", 1)[1]))


def _nodes(node: Node) -> Iterator[Node]:
    """A plan's nodes; of a bitmap scan the table's is given its index's name."""
    children = node.get("Plans", [])
    if node["Node Type"] == "Bitmap Heap Scan":
        node = {**node, "Index Name": children[0].get("Index Name")}
    yield node
    for child in children:
        yield from _nodes(child)


def _rows(scan: Node) -> float:
    met = scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)
    return float(met * scan["Actual Loops"])


@pytest.fixture(scope="module")
def watched(
    postgres_url: str, postgres_admin: psycopg.Connection, template_database: str
) -> Iterator[Watched]:
    """A database in which much was done before."""
    with temporary_database(postgres_admin, template=template_database) as name:
        url = with_database(postgres_url, name)
        with psycopg.connect(url, autocommit=True) as owner:
            # Vacuum knows of no row yet whose commit is not written out.
            owner.execute("set synchronous_commit = on")
            add_model_types(owner, TYPES)
            add_ended_jobs(owner, types=TYPES, jobs=ENDED_JOBS, over=timedelta(days=730))
            owner.execute(CHECKS)
            owner.execute(OPERATIONS)
            owner.execute(VALIDATIONS)
            owner.execute("vacuum (analyze)")
            yield Watched(owner)


def queued_job(watched: Watched, model_type: str) -> UUID:
    answer = watched.call("trigger_retraining", [model_type])
    return UUID(answer["jobs"][0]["id"])


def test_a_job_goes_its_way_without_a_look_at_those_that_ended(watched: Watched) -> None:
    job_id = queued_job(watched, "type_1")
    assert watched.scans <= {
        ("ml_training_jobs", "ml_training_jobs_one_active"),
        ("ml_training_jobs", "ml_training_jobs_pkey"),  # its first stage is noted
    }

    claimed = watched.call("claim_training_job", job_id, "worker-1")
    assert watched.scans == {
        ("ml_training_jobs", "ml_training_jobs_pkey"),
        ("ml_models", "ml_models_by_type_window"),
        ("ml_models", "ml_models_pkey"),  # the champion's: there is none
    }
    assert claimed["last_attempt"] is not None

    token = UUID(claimed["lease_token"])
    watched.call("heartbeat_training_job", job_id, token)
    assert watched.scans == {("ml_training_jobs", "ml_training_jobs_pkey")}

    watched.call("begin_training", job_id, token)
    assert watched.scans == {
        ("ml_training_jobs", "ml_training_jobs_pkey"),
        ("ml_training_jobs", "ml_training_jobs_begun"),
    }

    outcome = json.dumps({"status": "skipped", "skip_reason": "The champion is healthy."})
    watched.call("finish_training_job", job_id, token, outcome)
    assert watched.scans == {("ml_training_jobs", "ml_training_jobs_pkey")}


def test_a_heartbeat_touches_no_index_and_asks_no_audit(watched: Watched) -> None:
    job_id = queued_job(watched, "type_3")
    token = UUID(watched.call("claim_training_job", job_id, "worker-1")["lease_token"])
    assert watched.triggers == {"audit", "note_next_stage"}

    hot = 0
    for _ in range(5):
        with watched.connection.transaction():
            watched.call("heartbeat_training_job", job_id, token)
            hot += watched.value(
                "select pg_stat_get_xact_tuples_hot_updated('ml_training_jobs'::regclass)"
            )
        assert watched.triggers == set()

    # Where a page is full the row moves once.
    assert hot >= 4


def test_the_sweep_looks_at_active_work_alone(watched: Watched) -> None:
    queued_job(watched, "type_2")

    watched.call("sweep_lost_work", "worker-1")

    indexes = {index for _, index in watched.scans}
    assert indexes <= {
        "ml_training_jobs_active",
        "ml_training_jobs_pkey",
        "ml_operations_active",
        "ml_operations_pkey",
    }
    assert {"ml_training_jobs_active", "ml_operations_active"} <= indexes


def test_the_summaries_read_little_of_what_is_kept(watched: Watched) -> None:
    # The 30th day back is counted from its middle on, check by check; the others are a row each.
    watched.call("get_model_performance_summary")
    assert None not in {index for _, index in watched.scans}
    assert TYPES <= watched.rows_read("ml_performance_metrics") <= 2 * TYPES + CHECKS_A_DAY

    watched.call("get_training_job_stats")
    assert watched.scans == {("ml_training_jobs", "ml_training_jobs_by_age")}
    assert 0 < watched.rows_read("ml_training_jobs") <= ENDED_JOBS / 20

    watched.call("get_training_job_stats", 30, "type_1")
    assert watched.scans == {("ml_training_jobs", "ml_training_jobs_by_type")}


def test_the_status_counts_the_models_by_a_narrow_index(watched: Watched) -> None:
    watched.call("get_status")

    assert watched.scans == {
        ("ml_models", "ml_models_by_status"),
        ("ml_model_validations", "ml_model_validations_by_champion"),
        ("ml_operations", "ml_operations_active"),
        ("ml_training_jobs", "ml_training_jobs_active"),
        ("ml_training_jobs", "ml_training_jobs_by_age"),
    }


def test_the_pages_of_jobs_read_little_of_what_is_kept(watched: Watched) -> None:
    page = watched.call("list_job_summaries", "production", None, None, 50)
    assert len(page["items"]) == 50
    assert watched.rows_read("ml_training_jobs") <= 60
    assert None not in {index for _, index in watched.scans}

    watched.call("list_job_summaries", "production", "type_1", None, 50, page["next_cursor"])
    assert None not in {index for _, index in watched.scans}

    watched.call("get_job_details", page["items"][0]["id"])
    assert watched.rows_read("ml_training_jobs") <= 5
    assert None not in {index for _, index in watched.scans}

    watched.call("list_requested_jobs", "a request")
    assert watched.rows_read("ml_training_jobs") == 0
    assert None not in {index for _, index in watched.scans}


def test_what_a_decision_was_made_from_is_found_by_an_index(watched: Watched) -> None:
    decisions = {
        "job": "select training_job_id from ml_models where model_type = 'type_1' limit 1",
        "model": "select id from ml_models where model_type = 'type_1' limit 1",
        "deployment": "select id from ml_model_deployments where model_type = 'type_1'",
    }
    for kind, statement in decisions.items():
        found = watched.call("explain_decision", watched.value(statement))
        assert found["kind"] == kind
        assert found["validation"] is not None
        assert "ml_model_validations" in {table for table, _ in watched.scans}
        assert None not in {index for _, index in watched.scans}, watched.scans
        assert watched.rows_read("ml_model_validations") <= 3
