"""Model types that can be trained, and champions that still predict what they did."""

from __future__ import annotations

from collections.abc import Iterator

from core.datasets import check_access
from core.doctor.findings import Finding, fail, ok
from core.domain import Champion, Environment, ModelType
from core.engines.pipelines import BUILT_IN_ENGINES
from core.errors import ArtifactError, ConfigurationError, RefitError
from core.settings import Settings
from core.store import Store
from core.worker.champions import load_served
from core.worker.resources import Resources


def look_at_model_types(store: Store, settings: Settings) -> Iterator[Finding]:
    """Every enabled one's rows can be read, and its engine run."""
    resources = Resources.from_settings(settings)
    enabled = [found for found in store.list_model_types() if found.enabled]
    for model_type in enabled:
        try:
            check_access(resources.database_url, model_type)
            _check_engine(resources, model_type)
        except RefitError as exc:
            yield fail("model_types", exc, model_type.name)
        else:
            yield ok("model_types", f"{model_type.name}: its rows can be read, its engine run.")
    if not enabled:
        yield ok("model_types", "There is no enabled model type yet.")


def _check_engine(resources: Resources, model_type: ModelType) -> None:
    if model_type.engine in BUILT_IN_ENGINES or resources.factories(model_type.engine):
        return
    raise ConfigurationError(
        f"The engine {model_type.engine} is not allowed.",
        hint=f"Add it to REFIT_ENGINES, or: refit model-types update {model_type.name} --engine …",
    )


def look_at_champions(store: Store, settings: Settings) -> Iterator[Finding]:
    """Every served artifact is there, is undamaged, and reproduces its recorded predictions."""
    resources = Resources.from_settings(settings)
    for environment in Environment:
        for model_type in store.list_model_types():
            champion = store.get_champion(model_type.name, environment)
            if champion is not None:
                yield _champion(resources, model_type.name, champion)


def _champion(resources: Resources, name: str, champion: Champion) -> Finding:
    what = f"{name} version {champion.model_version} in {champion.environment}"
    try:
        served = load_served(resources.artifacts(), champion, resources)
        if served.mismatch is not None:
            raise ArtifactError(
                served.mismatch, hint=f"Train it anew: refit retrain {name} --force --wait"
            )
    except RefitError as exc:
        return fail("champions", exc, what)
    return ok("champions", f"{what} reproduces its predictions.")
