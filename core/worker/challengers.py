"""A trained model on its way to serve: judged against the champion, then refitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from core.artifacts import ArtifactStore
from core.datasets import fingerprint, needed_columns
from core.domain import (
    Champion,
    DataQuality,
    Fingerprint,
    Gate,
    ModelType,
    TrainingPlan,
    Validation,
)
from core.engines.continuous_learning import ContinuousLearningEngine
from core.engines.fitted_model import FittedModel
from core.engines.model_validation import ModelValidationFramework, ReloadCheck
from core.engines.time_split import is_after
from core.errors import ArtifactError, DataError
from core.worker.champions import LoadedChampion, load_model
from core.worker.model_pages import Page, page_of_final_fit
from core.worker.recorded_predictions import record_predictions
from core.worker.resources import Resources
from core.worker.stored_fit import StoredFit, judge_refit, measure_stored, refused


@dataclass(frozen=True, kw_only=True)
class Challenger:
    """A stored model with its page, and the rows of its window and newer ones.

    ``model_type`` has the settings that the model was trained with.
    """

    model_type: ModelType
    engine: ContinuousLearningEngine
    model: FittedModel
    artifact_hash: str
    page: Page
    plan: TrainingPlan
    rows: pd.DataFrame
    store: ArtifactStore
    resources: Resources

    def validate(
        self,
        served: LoadedChampion | None,
        *,
        quality: DataQuality,
        alarm: bool = False,
        is_champion: bool = False,
    ) -> Validation:
        """Judge it by the rows that it has not learnt from, those newer than its window included.

        Parameters
        ----------
        served : LoadedChampion or None
            What it wants to replace.
        quality : DataQuality
            Of the rows of its window.
        alarm : bool
            Whether the champion's alarm stands: it has surely got worse.
        is_champion : bool
            Whether it serves already: then ``served`` is None.

        Raises
        ------
        DataError
            When there is no such row.
        """
        unseen = self.rows[is_after(self.rows, self.model_type, self.plan.train_end)]
        if unseen.empty:
            raise DataError(
                f"No labelled row of {self.model_type.source_relation} is newer than what the "
                "model learnt from: there is nothing to judge it by.",
                hint="Wait for labels, or train a new one.",
            )
        stored = self._stored(self.artifact_hash, unseen)
        again = stored.reproduction
        framework = ModelValidationFramework(
            self.model_type, metrics=self.resources.own_metrics(self.model_type.metric)
        )
        return framework.validate(
            challenger=self.model,
            champion=served.model if served else None,
            holdout=unseen,
            champion_cutoff=served.champion.cutoff if served else None,
            quality=quality,
            training_rows=self.plan.rows,
            train_frame=self.engine.split(self.rows, self.plan).train,
            reload=ReloadCheck(recorded=again.recorded, reloaded=again.reloaded),
            seed=self.model_type.random_seed,
            alarm=alarm,
            suspected=bool(self.plan.figures.get("needs_retraining")),
            earlier_holdouts=served.champion.holdouts if served else (),
            latency_ms=stored.latency_ms,
            size_bytes=stored.size_bytes,
            is_champion=is_champion,
            artifact_hash=self.artifact_hash,
        )

    def refit(self) -> dict[str, Any]:
        """Fit the same settings to the whole window; it may serve only when the gate passes.

        That is: it agrees with the approved model, and loaded afresh from the store it predicts
        what it did in memory, within the budgets of time and size.

        Returns
        -------
        dict
            ``artifact_hash`` (None when the gate failed) and ``gate``.
        """
        final = self.engine.final_fit(
            self.rows, self.model, self.plan, seed=self.model_type.random_seed
        )
        digest, gate = None, final.gate
        if final.passed:
            parts = self.engine.split(self.rows, self.plan)
            page = page_of_final_fit(
                self.page, self.plan, fingerprint_of(parts.window, self.model_type)
            )
            digest = store_model(self.store, final.model, page, parts.holdout)
            gate = self._gate_of_stored(digest, gate, parts.holdout)
        return {"artifact_hash": digest if gate.passed else None, "gate": gate.as_json()}

    def _gate_of_stored(self, digest: str, gate: Gate, rows: pd.DataFrame) -> Gate:
        """Whether the refit may serve as it lies in the store."""
        try:
            stored = self._stored(digest, rows)
        except ArtifactError as exc:
            if exc.transient:
                raise
            detail = f"Stored, the refit cannot be loaded: {exc}"
            return refused(gate, "artifact_reproduces", detail)
        return judge_refit(gate, stored, self.model_type)

    def _stored(self, digest: str, rows: pd.DataFrame) -> StoredFit:
        return measure_stored(self._loaded(digest), self.store.read_metadata(digest), rows)

    def _loaded(self, digest: str) -> FittedModel:
        return load_model(
            self.store,
            digest,
            engine=self.model_type.engine,
            trusted_types=self.resources.trusted_types,
        )


def validation_json(validation: Validation, champion: Champion | None) -> dict[str, Any]:
    """A judgement as the database takes it, with the champion that it was held against.

    ``holdouts_read`` says how many earlier uses of its rows it knew of: where others came meanwhile
    it was too lenient to let the model serve without a person.
    """
    return validation.as_json() | {
        "champion_deployment_id": champion and champion.deployment_id,
        "holdouts_read": len(champion.holdouts) if champion else 0,
    }


def store_model(store: ArtifactStore, model: FittedModel, page: Page, rows: pd.DataFrame) -> str:
    """Store a model with its page and what it predicts of some of ``rows``; gives its hash."""
    return store.put(model, metadata=page | {"recorded": record_predictions(model, rows)})


def fingerprint_of(rows: pd.DataFrame, model_type: ModelType) -> Fingerprint:
    """The fingerprint of a model type's own columns; a champion may have asked for others."""
    return fingerprint(rows[list(needed_columns(model_type))], model_type)
