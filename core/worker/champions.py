"""Loading models, among them the one that serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.artifacts import ArtifactStore
from core.domain import Champion
from core.engines.fitted_model import FittedModel
from core.errors import ArtifactError
from core.worker.messages import ArtifactMismatch, Send
from core.worker.recorded_predictions import predict_recorded
from core.worker.resources import Resources

UNCOMPARED = "A new model is compared with nothing: only an admin can deploy it, by force."


@dataclass(frozen=True, kw_only=True)
class LoadedChampion:
    """A served model, and what is wrong with it when it no longer predicts what it did.

    ``predicts`` is False where it raises in place of predicting: then nothing can be compared
    with it. ``page`` is what is written beside its artifact.
    """

    champion: Champion
    model: FittedModel
    mismatch: str | None
    predicts: bool = True
    page: Mapping[str, Any] = field(default_factory=dict, repr=False)


def load_model(
    store: ArtifactStore, artifact_hash: str, *, engine: str, trusted_types: tuple[str, ...]
) -> FittedModel:
    """The fitted model under this hash.

    Raises
    ------
    ArtifactError
        When it is missing, damaged, not trusted, or no model of ours.
    """
    model = store.get(artifact_hash, engine=engine, extra_types=trusted_types)
    if not isinstance(model, FittedModel):
        raise ArtifactError(f"The artifact {artifact_hash} holds no model of Refit's.")
    return model


def load_served(store: ArtifactStore, champion: Champion, resources: Resources) -> LoadedChampion:
    """The champion's served fit, asked for its recorded predictions again.

    Raises
    ------
    ArtifactError
        When it cannot be loaded at all.
    """
    model = load_model(
        store,
        champion.artifact_hash,
        engine=champion.engine,
        trusted_types=resources.trusted_types,
    )
    page = store.read_metadata(champion.artifact_hash)
    reproduction = predict_recorded(model, page)
    return LoadedChampion(
        champion=champion,
        model=model,
        mismatch=None if reproduction.is_exact else _mismatch(champion, reproduction.error),
        predicts=reproduction.error is None,
        page=page,
    )


def _mismatch(champion: Champion, error: str | None) -> str:
    libraries = ", ".join(f"{k} {v}" for k, v in sorted(champion.library_versions.items()))
    what = (
        "no longer gives the predictions that it gave when it was stored"
        if error is None
        else f"no longer predicts ({error})"
    )
    return (
        f"Version {champion.model_version} {what}; the libraries it was trained with were "
        f"{libraries}."
    )


def load_champion(
    store: ArtifactStore, champion: Champion | None, resources: Resources, send: Send
) -> LoadedChampion | None:
    """The champion, where there is one; that it does not predict what it did is told at once.

    Raises
    ------
    ArtifactError
        When it cannot be loaded at all, which is told too unless it may pass by itself.
    """
    if champion is None:
        return None
    try:
        served = load_served(store, champion, resources)
    except ArtifactError as exc:
        if not exc.transient:
            detail = f"{exc} {UNCOMPARED}"
            send(ArtifactMismatch(deployment_id=champion.deployment_id, detail=detail))
        raise
    if served.mismatch is not None:
        detail = served.mismatch if served.predicts else f"{served.mismatch} {UNCOMPARED}"
        send(ArtifactMismatch(deployment_id=champion.deployment_id, detail=detail))
    return served


def load_working_champion(
    store: ArtifactStore, champion: Champion | None, resources: Resources, send: Send
) -> LoadedChampion | None:
    """The champion, where there is one, for work that cannot be done unless it predicts.

    Raises
    ------
    ArtifactError
        When it cannot be loaded, or raises in place of predicting.
    """
    served = load_champion(store, champion, resources, send)
    if served is not None and not served.predicts:
        raise ArtifactError(
            served.mismatch or "The champion does not predict.",
            hint="A retraining has been queued; an admin can deploy its model by force.",
        )
    return served
