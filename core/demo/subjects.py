"""The model types of a run: over a person's CSV file, or over generated posts."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from core.backtest.csv_request import CsvRequest, safe_name_of
from core.backtest.records import Timeline
from core.backtest.timeline import first_training, make_timeline, span_until
from core.cli.definitions import Wish, define
from core.cli.model_type_creation import register
from core.cli.session import Session
from core.datasets import import_csv, read_rows
from core.demo.records import Subject
from core.domain import ModelType
from core.engines.content_posts import content_model_types, generate_posts
from core.errors import InvalidRequest

_ALL_TIME = datetime(9999, 12, 31, tzinfo=UTC)
_NAME_LENGTH = 40  # leaves room for what is put before and behind it

WEEK = timedelta(weeks=1)
_SEED = 11
# A walk goes through years in minutes, by whatever step is asked for: nothing holds it up.
_UNLIMITED: Mapping[str, Any] = {"cool_down": timedelta(0), "monthly_retraining_budget": None}


@dataclass(frozen=True, kw_only=True)
class GeneratedPosts:
    """A history of posts: stationary, then the audience changes, then stationary again."""

    posts_per_day: float = 90.0
    weeks: int = 30
    first_training_weeks: int = 8
    weeks_until_change: int = 18


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A run that can begin."""

    subjects: tuple[Subject, ...]
    timeline: Timeline
    change_at: datetime | None  # when the generated audience changes


def prepare_csv(
    session: Session, asked: CsvRequest, run: int, note: Callable[[str], None]
) -> Prepared:
    """Import the file and register its model type, whose window is the span before the start.

    Raises
    ------
    InvalidRequest, DataError
        The file, its columns, ``--start`` or ``--step`` cannot be used.
    """
    url = session.settings.require_database_url()
    stem = re.sub(r"[^a-z0-9_]+", "_", safe_name_of(asked.path.stem))
    name = f"demo_{run}_{stem[:_NAME_LENGTH]}"
    done = import_csv(
        url, asked.path, table=name, time_column=asked.time, every=asked.every, replace=True
    )
    for text in done.notes:
        note(text)
    target = done.names.get(asked.target, safe_name_of(asked.target))
    wished, notes = define(
        url,
        Wish(
            name=name,
            source=done.relation,
            target=target,
            time=done.time_column,
            settings={
                **_UNLIMITED,
                "replay": True,
                "title": f"{asked.path.name} (demo, run {run})",
            },
        ),
    )
    for text in notes:
        note(text)
    whole = _read(url, wished)
    if not len(whole.frame):
        raise InvalidRequest(f"No row of {asked.path} has a value in {asked.target!r}.")
    start = first_training(whole.happened, asked.start)
    timeline = make_timeline(start, whole.happened[-1], asked.step)
    window = span_until(whole.happened, start)
    created = register(session, replace(wished, training_window=window))
    subject = Subject(model_type=created, frame=whole.frame)
    return Prepared(subjects=(subject,), timeline=timeline, change_at=None)


def prepare_content(session: Session, asked: GeneratedPosts, run: int, now: datetime) -> Prepared:
    """Generate posts up to the newest Monday, and register the two built-in model types on them.

    Same seed and same weekdays in every run: only the dates move, so that what the walk leaves
    behind serves the present.
    """
    monday = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=now.weekday())
    first = monday - asked.weeks * WEEK
    change_at = first + asked.weeks_until_change * WEEK
    url = session.settings.require_database_url()
    posts = generate_posts(
        seed=_SEED,
        start=first,
        days=7 * asked.weeks,
        posts_per_day=asked.posts_per_day,
        change_at=change_at,
    )
    relation = _import(url, posts, table=f"demo_{run}_content_posts")
    subjects = []
    for built_in in content_model_types():
        wished = replace(
            built_in,
            name=f"demo_{run}_{built_in.name}",
            title=f"{built_in.title} (demo, run {run})",
            source_relation=relation,
            replay=True,
            **_UNLIMITED,
        )
        subjects.append(_read(url, register(session, wished)))
    timeline = make_timeline(
        first + asked.first_training_weeks * WEEK, subjects[0].happened[-1], step=WEEK
    )
    return Prepared(subjects=tuple(subjects), timeline=timeline, change_at=change_at)


def _import(database_url: str, posts: pd.DataFrame, *, table: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "generated_posts.csv"
        posts.to_csv(path, index=False)
        done = import_csv(database_url, path, table=table, time_column="published_at", replace=True)
    return done.relation


def _read(database_url: str, model_type: ModelType) -> Subject:
    """All labelled rows, whenever their label was known."""
    rows = read_rows(database_url, model_type, visible_at=_ALL_TIME)
    return Subject(model_type=model_type, frame=rows)
