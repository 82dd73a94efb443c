"""One training of a replay, from its plan to a judged challenger, as a worker's child does it.

What a store is needed for is left out: the gates on the reloaded artifact, its latency and its
size. They judge the machine, not the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pandas as pd

from core.backtest.history import History
from core.backtest.serving import Serving
from core.domain import (
    DataQuality,
    ModelType,
    Reference,
    TrainingPlan,
    Validation,
    ValidationVerdict,
)
from core.engines.continuous_learning import ContinuousLearningEngine, TrainedModel
from core.engines.fitted_model import FittedModel
from core.engines.label_free import learn_reference
from core.engines.model_validation import ModelValidationFramework
from core.engines.own_metrics import OwnMetric
from core.engines.time_split import Parts, is_after
from core.engines.yardstick import standing_reference
from core.monitoring.maturity import measure_maturity
from core.monitoring.profile import ReferenceProfile, make_profile
from core.worker.plain_json import plain_json


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A training that was begun, and how it ended.

    Attributes
    ----------
    trained : TrainedModel
    reference : Reference
        What later checks compare with.
    profile : ReferenceProfile
    validation : Validation
    final : FittedModel or None
        The fit on the whole window that is to serve; None: the one that was judged is.

    Examples
    --------
    See :func:`core.backtest.replay.replay`.
    """

    trained: TrainedModel
    reference: Reference
    profile: ReferenceProfile
    validation: Validation
    final: FittedModel | None

    def deployed(self, version: int) -> Serving:
        """The challenger as a deployment: its final fit where there is one.

        Parameters
        ----------
        version : int
            Its number, from 1 on.

        Returns
        -------
        Serving
            As it begins: no check has left anything, no holdout has been used.
        """
        plan = self.trained.plan
        return Serving(
            version=version,
            model=self.final or self.trained.model,
            reference=self.reference,
            profile=self.profile,
            cutoff=plan.window_end if self.final else plan.train_end,
            window_end=plan.window_end,
        )


@dataclass(frozen=True, kw_only=True)
class Trainer:
    """What every training of a replay needs.

    Parameters
    ----------
    history : History
    engine : ContinuousLearningEngine
    metrics : mapping of str to OwnMetric
        The user's own.

    Examples
    --------
    See :func:`core.backtest.replay.replay`.
    """

    history: History
    engine: ContinuousLearningEngine
    metrics: Mapping[str, OwnMetric]

    @property
    def _model_type(self) -> ModelType:
        return self.engine.model_type

    def attempt(
        self,
        rows: pd.DataFrame,
        plan: TrainingPlan,
        *,
        quality: DataQuality,
        serving: Serving | None,
        alarm: bool,
        as_of: datetime,
    ) -> Attempt:
        """Train a challenger of the champion, and judge it.

        Parameters
        ----------
        rows : DataFrame of n labelled rows
        plan : TrainingPlan
        quality : DataQuality
            Of the rows.
        serving : Serving or None
            None: a first model.
        alarm : bool
            Whether the champion's alarm stands.
        as_of : datetime

        Returns
        -------
        Attempt
            With a final fit where the model type asks for one, the challenger is approved, and
            the fit passes its gate.

        Raises
        ------
        DataError
            The rows cannot be learnt from.
        """
        seed = self._model_type.random_seed
        trained = self.engine.train(
            rows,
            plan,
            seed=seed,
            previous=serving.model if serving else None,
            previous_cutoff=serving.cutoff if serving else None,
        )
        parts = self.engine.split(rows, trained.plan)
        validation = self._validate(rows, trained, parts, quality, serving, alarm=alarm)
        final = None
        if validation.verdict is ValidationVerdict.APPROVED and self._model_type.final_fit:
            fitted = self.engine.final_fit(rows, trained.model, trained.plan, seed=seed)
            final = fitted.model if fitted.passed else None
        return Attempt(
            trained=trained,
            reference=standing_reference(
                trained.reference,
                serving.reference if serving else None,
                metric=self.engine.learner.metric,
                needs_retraining=True,  # here only checks ask for trainings
                plan=trained.plan,
            ),
            profile=self._profile(trained, parts, as_of),
            validation=validation,
            final=final,
        )

    def _validate(
        self,
        rows: pd.DataFrame,
        trained: TrainedModel,
        parts: Parts,
        quality: DataQuality,
        serving: Serving | None,
        *,
        alarm: bool,
    ) -> Validation:
        plan = trained.plan
        return ModelValidationFramework(self._model_type, metrics=self.metrics).validate(
            challenger=trained.model,
            champion=serving.model if serving else None,
            holdout=rows[is_after(rows, self._model_type, plan.train_end)],
            champion_cutoff=serving.cutoff if serving else None,
            quality=quality,
            training_rows=plan.rows,
            train_frame=parts.train,
            reload=None,
            seed=self._model_type.random_seed,
            alarm=alarm,
            suspected=bool(plan.figures.get("needs_retraining")),
            earlier_holdouts=serving.holdouts if serving else (),
        )

    def _profile(self, trained: TrainedModel, parts: Parts, as_of: datetime) -> ReferenceProfile:
        """As it comes back from the page that a worker stores beside the artifact."""
        model_type, seed = self._model_type, self._model_type.random_seed
        profile = make_profile(
            model_type,
            trained.model,
            parts.train,
            parts.holdout,
            seed=seed,
            estimate=learn_reference(
                trained.model, parts.holdout, metric=model_type.metric, seed=seed
            ),
            metrics=self.metrics,
        )
        delay = timedelta(seconds=profile.usual_delay_seconds)
        coverage = measure_maturity(
            self.history.happened_in(trained.plan.train_end - delay, trained.plan.window_end),
            model_type,
            delay=delay,
            usual_coverage=None,
            as_of=as_of,
        ).coverage
        whole = replace(profile, label_coverage=coverage)
        return ReferenceProfile.from_json(plain_json(whole.as_json()))
