"""What a replay goes through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pandas as pd

from core.domain import ModelType
from core.engines.own_metrics import OwnMetric
from core.engines.pipelines import Factories


@dataclass(frozen=True, kw_only=True)
class OwnParts:
    """Engines and metrics of the user's own, by their allow-listed names.

    Attributes
    ----------
    factories : mapping of str to callable
        Each makes an engine's estimator, without arguments.
    metrics : mapping of str to OwnMetric
    """

    factories: Factories = field(default_factory=dict)
    metrics: Mapping[str, OwnMetric] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class BacktestData:
    """Rows, what they mean, and where the replay begins.

    Attributes
    ----------
    frame : DataFrame of n rows
        Those without a label too, in any order.
    model_type : ModelType
    start : datetime
        When the first models are trained.
    step : timedelta
        From look to look.
    notes : tuple of str
        Sentences for a person: what was made of the data.
    own : OwnParts
    """

    frame: pd.DataFrame
    model_type: ModelType
    start: datetime
    step: timedelta
    notes: tuple[str, ...] = ()
    own: OwnParts = field(default_factory=OwnParts)
