"""The two policies that Refit is compared with: bare fits by the same engine, without gates."""

from __future__ import annotations

from datetime import datetime

from threadpoolctl import threadpool_limits

from core.backtest.records import Policy
from core.demo.records import Subject
from core.engines.continuous_learning import ContinuousLearningEngine
from core.engines.fitted_model import FittedModel


class Baselines:
    """For each subject the first fit, and the fit of the newest window."""

    def __init__(self) -> None:
        self._first: dict[str, FittedModel] = {}
        self._newest: dict[str, FittedModel] = {}

    def fit(self, subject: Subject, moment: datetime) -> None:
        """Fit the window before ``moment``; the first fit is kept for good.

        Raises
        ------
        DataError
            The window cannot be learnt from.
        """
        name, seed = subject.model_type.name, subject.model_type.random_seed
        engine = ContinuousLearningEngine(subject.model_type)
        # The other cores are the worker's: threads that wait for a busy one cost more than they
        # bring.
        with threadpool_limits(1):
            model = engine.fit_window(subject.window(moment), seed=seed)
        self._newest[name] = model
        self._first.setdefault(name, model)

    def models(self, subject: Subject) -> dict[Policy, FittedModel]:
        """What serves now under each of the two policies."""
        name = subject.model_type.name
        return {Policy.NEVER: self._first[name], Policy.EVERY_STEP: self._newest[name]}
