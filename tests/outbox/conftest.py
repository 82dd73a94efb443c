"""A database of each test's own, with one model that serves."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.rows import dict_row

from core.database import PostgresDatabase
from core.store import Store
from tests.database.factories import ADMIN, Row, Scene
from tests.outbox.outbox import Outbox


@pytest.fixture
def scene(database_url: str) -> Iterator[Scene]:
    database = PostgresDatabase(database_url, max_connections=8)
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as owner:
        yield Scene(database=database, owner=owner, store=Store(database, actor=ADMIN))
    database.close()


@pytest.fixture
def outbox(scene: Scene) -> Outbox:
    return Outbox(scene=scene)


@pytest.fixture
def champion(scene: Scene, outbox: Outbox) -> Row:
    """A model of ``churn`` that serves; that it does was told."""
    scene.model_type("churn", title="Who leaves us")
    champion = scene.champion()
    outbox.told()
    # Long enough ago for channels that are new to hear nothing of it.
    outbox.pass_time("2 hours")
    return champion
