"""The page of metadata beside an artifact: what the model is, from what, and with what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import timedelta
from importlib.metadata import version
from typing import Any

from core.domain import ClassWeight, Fingerprint, ModelType, Serves, StoredModel, TrainingPlan
from core.engines.continuous_learning import TrainedModel
from core.errors import ArtifactError
from core.worker.plain_json import plain_json

# Those whose version may change what a stored model predicts.
_LIBRARIES = ("scikit-learn", "numpy", "pandas", "skops")

Page = dict[str, Any]


def page_of_trained(model_type: ModelType, trained: TrainedModel, data: Fingerprint) -> Page:
    """The page of a newly trained model; its row in the database says the same."""
    half_life = model_type.recency_half_life
    page: Page = plain_json(
        {
            "model_type": model_type.name,
            "fit": Serves.APPROVED_FIT,
            "engine": model_type.engine,
            "settings": {
                "engine_parameters": trained.engine_parameters,
                "feature_columns": model_type.feature_columns,
                "label_delay_seconds": model_type.label_delay.total_seconds(),
                "class_weight": model_type.class_weight,
                "recency_half_life_seconds": half_life and half_life.total_seconds(),
            },
            "parameters": trained.parameters,
            "random_seed": model_type.random_seed,
            "reference": asdict(trained.reference),
            "metrics": trained.metrics,
            "library_versions": _library_versions(),
            **_data(trained.plan, data),
        }
    )
    return page


def page_of_final_fit(approved: Mapping[str, Any], plan: TrainingPlan, data: Fingerprint) -> Page:
    """The page of an approved model's refit on its whole window."""
    own: Page = plain_json(
        {
            "fit": Serves.FINAL_FIT,
            "library_versions": _library_versions(),
            **_data(plan, data),
        }
    )
    return dict(approved) | own


def as_trained(model_type: ModelType, model: StoredModel, page: Mapping[str, Any]) -> ModelType:
    """The model type with the settings that a model was trained with.

    An admin may have changed them since; a refit of an approved model uses what was approved.
    Thresholds and the metric stay those of today: they judge.

    Raises
    ------
    ArtifactError
        When the page is not one of a model of ours.
    """
    try:
        settings = page["settings"]
        # Models from before rows could be weighed have neither of these two.
        half_life = settings.get("recency_half_life_seconds")
        return replace(
            model_type,
            engine=model.engine,
            engine_parameters=settings["engine_parameters"],
            feature_columns=tuple(settings["feature_columns"]),
            label_delay=timedelta(seconds=settings["label_delay_seconds"]),
            class_weight=ClassWeight(settings.get("class_weight", ClassWeight.NONE)),
            recency_half_life=None if half_life is None else timedelta(seconds=half_life),
            random_seed=model.random_seed,
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise ArtifactError(
            f"The metadata of {model.model_type} version {model.version} are damaged.",
            hint="Restore them from a backup, or train a new model.",
        ) from exc


def _data(plan: TrainingPlan, data: Fingerprint) -> Page:
    return {"plan": plan.as_json(), "fingerprint": data.as_json()}


def _library_versions() -> dict[str, str]:
    return {name: version(name) for name in _LIBRARIES}
