"""Labels that take long, each as long as it likes: what was found does not depend on the checks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.monitoring.check import Watched
from core.monitoring.watched import DETECTOR
from tests.engines.rows import model_type, rows
from tests.judgement.reading import after, champion, look, moment

KIND = model_type(label_time_column="known")
FIRST, LAST = 4300, 6000


@pytest.fixture(scope="module")
def late() -> tuple[pd.DataFrame, Watched]:
    """Rows whose labels take a few days, some of them two weeks."""
    frame, random = rows(LAST + 1, seed=4, noise=1.0), np.random.default_rng(1)
    days = np.where(random.random(len(frame)) < 0.9, 1, 14) * random.random(len(frame))
    frame["known"] = frame["at"] + pd.to_timedelta(days * 86_400, unit="s").floor("s")
    made = champion(frame)
    assert made.profile is not None
    profile = replace(made.profile, usual_delay_seconds=2 * 86_400.0, estimate={})
    return frame, replace(made, profile=profile)


def left_by(frame: pd.DataFrame, watched: Watched, looks: list[int]) -> Any:
    """The test's state after checks at these rows' times; it is stored as JSON in between."""
    for row in looks:
        found = look(frame, KIND, watched, moment(frame, row))
        watched = after(watched, found, moment(frame, row))
    assert found.check.sequential is not None
    return found.check.sequential.labels, watched.state[DETECTOR]


@pytest.mark.parametrize("every", [24, 61, 167])
def test_the_state_is_the_same_however_often_one_looked(late: Any, every: int) -> None:
    frame, watched = late
    looks = [*range(FIRST, LAST, every), LAST]
    assert left_by(frame, watched, looks) == left_by(frame, watched, [LAST])


def test_each_label_that_began_to_count_was_counted_once(late: Any) -> None:
    frame, watched = late
    labels, _ = left_by(frame, watched, [*range(FIRST, LAST, 50), LAST])
    new = frame[frame["known"] > watched.since]
    begins = np.maximum(new["known"], new["at"] + timedelta(days=2))
    assert labels == (begins <= moment(frame, LAST)).sum()
