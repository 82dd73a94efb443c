"""Rows that a system has after a while, made by the database itself, past Refit's functions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
from psycopg import sql

_MODEL_TYPES = """
    insert into public.ml_model_types (
        name, task, source_relation, key_columns, time_column, target_column, feature_columns,
        metric
    )
    select 'type_' || i, 'classification', 'public.bench', array['id'], 'happened_at', 'label',
        array['pieces', 'weight', 'width', 'height', 'age', 'price', 'city'], 'accuracy'
    from generate_series(1, {types}) as i
"""
# Without their audit rows, which would only take longer.
_JOBS = """
    set local session_replication_role = 'replica';
    insert into public.ml_training_jobs (
        model_type, environment, status, stage, progress, attempt, requested_by, skip_reason,
        created_at, queued_at, started_at, finished_at
    )
    select
        'type_' || 1 + i / 3 % {types}, 'production',
        case when i % 3 = 0 then 'succeeded' else 'skipped' end::public.ml_job_status,
        'skipped', 1, 1, '{{"kind": "system", "id": "bench", "name": "bench", "role": "admin"}}',
        'The champion is healthy.', t, t, t, t + interval '5 seconds'
    from generate_series({jobs}, 1, -1) as i
    cross join lateral (select now() - i::float8 / {jobs} * {over} as t) as made;
    insert into public.ml_models (
        model_type, version, training_job_id, artifact_hash, engine, parameters, metrics,
        reference, plan, fingerprint, library_versions, random_seed, train_end, window_start,
        window_end, created_at
    )
    select
        model_type, row_number() over (partition by model_type order by created_at), id,
        encode(sha256(id::text::bytea), 'hex'), 'linear', '{{}}', '{{}}', '{{}}',
        -- About as wide as a plan with its weights is.
        jsonb_build_object('reason', repeat('All history. ', 50)),
        '{{}}', '{{}}', 0, created_at, created_at, created_at, created_at
    from public.ml_training_jobs
    where status = 'succeeded';
"""


def add_model_types(owner: psycopg.Connection[Any], types: int) -> None:
    """``type_1`` to ``type_<types>``."""
    owner.execute(sql.SQL(_MODEL_TYPES).format(types=sql.Literal(types)))


def add_ended_jobs(
    owner: psycopg.Connection[Any], *, types: int, jobs: int, over: timedelta
) -> None:
    """Jobs that ended, evenly over a time until now; one in three has trained a model.

    Parameters
    ----------
    owner : Connection
        The database's superuser, in autocommit.
    types : int
        How many model types they are spread over, evenly.
    jobs : int
    over : timedelta
    """
    statement = sql.SQL(_JOBS).format(
        types=sql.Literal(types), jobs=sql.Literal(jobs), over=sql.Literal(over)
    )
    with owner.transaction():
        owner.execute(statement)
