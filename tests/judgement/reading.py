"""A champion, and checks of it that read what they ask for, and no label that came later."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pandas as pd

from core.domain import ModelType, MonitorState
from core.engines.columns import as_times
from core.engines.continuous_learning import ContinuousLearningEngine
from core.engines.label_free import learn_reference
from core.engines.time_split import row_times
from core.monitoring.check import Checked, Watched, check_champion
from core.monitoring.check_rows import CheckRows, Span, rows_needed
from core.monitoring.profile import make_profile
from tests.engines.rows import end_of, model_type

WEEK = timedelta(days=7)


def champion(frame: pd.DataFrame, *, trained_on: int = 4000) -> Watched:
    """Of the oldest rows, whose labels were known at once."""
    kind, past = model_type(), frame[:trained_on]
    engine = ContinuousLearningEngine(kind)
    plan = engine.plan(past, as_of=end_of(past), champion_cutoff=None)
    trained, parts = engine.train(past, plan, seed=0), engine.split(past, plan)
    learnt = learn_reference(trained.model, parts.holdout, metric=kind.metric, seed=0)
    return Watched(
        model=trained.model,
        reference=trained.reference,
        profile=make_profile(
            kind, trained.model, parts.train, parts.holdout, seed=0, estimate=learnt
        ),
        since=plan.window_end,
        monitor=None,
    )


def moment(frame: pd.DataFrame, row: int) -> datetime:
    """The time of a row."""
    found: datetime = frame["at"][row].to_pydatetime()
    return found


def look(frame: pd.DataFrame, kind: ModelType, watched: Watched, as_of: datetime) -> Checked:
    """A check of the champion, whose labels take as long as the model type says."""
    needed = rows_needed(watched, kind, as_of=as_of, window=WEEK)
    happened, known = as_times(frame[kind.time_column]), row_times(frame, kind)
    usual = happened + needed.delay
    begins = known.where(known >= usual, usual)
    seen = frame.astype({kind.target_column: float})
    seen.loc[known > as_of, kind.target_column] = float("nan")

    def rows(span: Span | None, times: pd.Series, of: pd.DataFrame) -> pd.DataFrame:
        if span is None:
            return of[:0]
        return of[(times > span.start) & (times <= span.end)]

    labelled = frame[known <= as_of]
    return check_champion(
        model_type=kind,
        watched=watched,
        rows=CheckRows(
            labelled=rows(needed.counting, begins[labelled.index], labelled),
            recent=rows(needed.recent, happened, seen),
            waiting=rows(needed.waiting, happened, seen),
            due=rows(needed.due, happened, seen),
            due_before=rows(needed.due_before, happened, seen),
        ),
        as_of=as_of,
        window=WEEK,
    )


def after(watched: Watched, checked: Checked, as_of: datetime) -> Watched:
    """The champion with what a check left behind, which is stored as JSON in between."""
    assert checked.state is not None
    revision = 0 if watched.monitor is None else watched.monitor.revision
    state = json.loads(json.dumps(checked.state))
    monitor = MonitorState(revision=revision + 1, seen_until=as_of, state=state)
    return replace(watched, monitor=monitor)
