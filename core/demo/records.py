"""A model type on the walk, with its rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.domain import ModelType
from core.engines.columns import as_times
from core.engines.time_split import row_times

Times = NDArray[np.datetime64]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model type on the walk, and all its labelled rows in time order."""

    model_type: ModelType
    frame: pd.DataFrame

    @property
    def predictions_table(self) -> str:
        """Where the walk's predictions are stored."""
        return f"public.{self.model_type.name}_predictions"

    def window(self, moment: datetime) -> pd.DataFrame:
        """What a training at ``moment`` may use: rows labelled in the training window before it."""
        inside = self._known <= _naive(moment)
        if self.model_type.training_window is not None:
            inside &= self._known > _naive(moment - self.model_type.training_window)
        return self.frame[inside]

    def between(self, start: datetime, end: datetime) -> pd.DataFrame:
        """Rows that happened in ``(start, end]``."""
        first, last = np.searchsorted(
            self.happened, [_naive(start), _naive(end)], side="right"
        ).tolist()
        return self.frame.iloc[first:last]

    @cached_property
    def happened(self) -> Times:
        """When each row happened, in order, UTC."""
        times = as_times(self.frame[self.model_type.time_column]).dt.tz_localize(None)
        return np.asarray(times, dtype="datetime64[us]")

    @cached_property
    def _known(self) -> Times:
        """When each row's label was known, UTC."""
        times = row_times(self.frame, self.model_type).dt.tz_localize(None)
        return np.asarray(times, dtype="datetime64[us]")


def _naive(moment: datetime) -> np.datetime64:
    return np.datetime64(pd.Timestamp(moment).tz_convert("UTC").tz_localize(None), "us")
