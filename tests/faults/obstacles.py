"""What holds work up in a stage for as long as a block lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from tests.worker.lab import Lab


@contextmanager
def rows_locked(lab: Lab, model_type: str) -> Iterator[None]:
    """Nobody reads the rows of a model type: its work stays in the stage "load", or in a check."""
    lock = sql.SQL("lock table {} in access exclusive mode").format(
        sql.Identifier(lab.table_of(model_type))
    )
    with _held(lab, lock):
        yield


@contextmanager
def swaps_locked(lab: Lab) -> Iterator[None]:
    """Nobody becomes champion: whoever wants to waits in the stage "deploy"."""
    with _held(lab, sql.SQL("lock table ml_model_deployments in exclusive mode")):
        yield


@contextmanager
def requests_locked(lab: Lab, model_type: str) -> Iterator[None]:
    """Nobody asks for anything of a model type: whoever does waits amid a transaction."""
    row = sql.SQL("select from ml_model_types where name = {} for update")
    with _held(lab, row.format(model_type)):
        yield


@contextmanager
def _held(lab: Lab, lock: sql.SQL | sql.Composed) -> Iterator[None]:
    holder = psycopg.connect(lab.database_url)
    try:
        holder.execute(lock)
        yield
    finally:
        holder.close()  # also when its server has died meanwhile
