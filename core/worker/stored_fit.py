"""What a fit does once it is loaded afresh from the store, as it would serve, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from core.domain import Gate, ModelType
from core.engines.fitted_model import FittedModel
from core.engines.gates import latency, size
from core.worker.latency import single_row_latency_ms
from core.worker.model_pages import Page
from core.worker.recorded_predictions import Reproduction, predict_recorded


@dataclass(frozen=True, kw_only=True)
class StoredFit:
    """Its recorded predictions again, and its costs.

    ``latency_ms`` is None where it raises in place of predicting.
    """

    reproduction: Reproduction
    latency_ms: float | None
    size_bytes: int


def measure_stored(model: FittedModel, page: Page, rows: pd.DataFrame) -> StoredFit:
    """Measure a fit that was loaded from the store.

    Parameters
    ----------
    model : FittedModel
    page : mapping
        The metadata beside its artifact.
    rows : DataFrame of n > 0 rows
        To predict, one by one.

    Raises
    ------
    ArtifactError
        When the page holds no recorded predictions, or damaged ones.
    """
    reproduction = predict_recorded(model, page)
    return StoredFit(
        reproduction=reproduction,
        latency_ms=single_row_latency_ms(model, rows) if reproduction.error is None else None,
        size_bytes=page["size_bytes"],
    )


def judge_refit(gate: Gate, stored: StoredFit, model_type: ModelType) -> Gate:
    """Whether a refit that agrees with the approved fit may serve as it was stored.

    Parameters
    ----------
    gate : Gate
        Passed: ``final_fit_agreement``.
    stored : StoredFit
        Of the refit.
    model_type : ModelType
        Its budgets; one that is a dry run refuses nothing here either.

    Returns
    -------
    Gate
        The same, or what refuses the refit in its place.
    """
    if not stored.reproduction.is_exact:
        error = stored.reproduction.error
        said = f": it raised {error}" if error else ""
        detail = f"Loaded afresh from the store, the refit does not repeat its predictions{said}."
        return refused(gate, "artifact_reproduces", detail)
    costs = [size(stored.size_bytes, model_type).gate]
    if stored.latency_ms is not None:
        costs.insert(0, latency(stored.latency_ms, model_type).gate)
    for cost in costs:
        if not cost.passed and cost.name not in model_type.dry_run_gates:
            return refused(gate, cost.name, f"Of the refit: {cost.detail}", cost.figures)
    return gate


def refused(gate: Gate, by: str, detail: str, figures: Mapping[str, Any] | None = None) -> Gate:
    """The gate of a refit that agrees, and that something else refuses.

    Parameters
    ----------
    gate : Gate
        ``final_fit_agreement``; its figures are kept.
    by : str
        The gate that it would fail.
    detail : str
        One sentence for a person.
    figures : mapping, optional
        That gate's own, with ``refused_by``.
    """
    # Value and threshold are of the agreement, which is not what it failed by.
    return replace(
        gate,
        passed=False,
        value=None,
        threshold=None,
        detail=detail,
        figures={**gate.figures, "refused_by": by, "refused_with": dict(figures or {})},
    )
