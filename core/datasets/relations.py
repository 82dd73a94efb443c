"""What a person's table offers: its description, and whether a model type can read it."""

from __future__ import annotations

from core.datasets.catalog import Relation, find_relation
from core.datasets.connection import read_only, reading
from core.datasets.definition import check_task
from core.datasets.reading import probe
from core.domain import ModelType


def describe_relation(database_url: str, relation: str) -> Relation:
    """Describe a table or view by its name (``name``, ``schema.name``, or quoted as in SQL).

    Raises
    ------
    DataError
        There is no such relation; the hint has near names.
    """
    with read_only(database_url) as tx:
        return find_relation(tx, relation)


def check_access(database_url: str, model_type: ModelType) -> None:
    """Check that ``refit_reader`` can read every row and column, and that the task fits the target.

    Raises
    ------
    InvalidRequest
        The task is regression and the target is text.
    DataError
        Something is missing; the hint holds the exact GRANT or POLICY, or near names.
    """
    with reading(database_url) as tx:
        relation = find_relation(tx, model_type.source_relation)
        probe(tx, relation, model_type)
        check_task(relation, model_type)
