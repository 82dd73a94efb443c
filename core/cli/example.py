"""Something to try on a database that holds nothing yet: generated posts and their model types."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.cli.session import Session
from core.domain import ModelType

_TABLE = "content_posts"
_DAYS = 120
_POSTS_PER_DAY = 40.0
_SEED = 7


def add_example(session: Session) -> list[ModelType]:
    """Make the table ``content_posts`` of generated posts, and the built-in model types over it.

    A table of that name is taken as it is; nothing is made when it does not fit.

    Raises
    ------
    DataError
        A table of that name is there and lacks what the model types need.
    """
    from core.cli.model_type_creation import register
    from core.datasets import describe_relation
    from core.engines.content_posts import content_model_types
    from core.errors import DataError

    types = content_model_types()
    url = session.settings.require_database_url()
    try:
        describe_relation(url, types[0].source_relation)
    except DataError:
        _write_posts(url)
    return [register(session, wished) for wished in types]


def _write_posts(database_url: str) -> None:
    from core.datasets import import_csv
    from core.engines.content_posts import generate_posts

    posts = generate_posts(
        seed=_SEED,
        start=datetime.now(UTC) - timedelta(days=_DAYS),
        days=_DAYS,
        posts_per_day=_POSTS_PER_DAY,
        change_at=None,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "generated_posts.csv"
        posts.to_csv(path, index=False)
        import_csv(database_url, path, table=_TABLE, time_column="published_at")
