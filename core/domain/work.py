"""Work as a worker holds it: a claimed job or operation, and the champion it concerns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from core.domain.judgements import Reference
from core.domain.model_types import ModelType
from core.domain.monitoring import HoldoutUse, MonitorState
from core.domain.training_data import TrainingPlan
from core.domain.words import Environment, OperationKind, Serves


@dataclass(frozen=True, kw_only=True)
class Champion:
    """The active deployment of a model type in an environment."""

    deployment_id: UUID
    model_id: UUID
    model_version: int
    environment: Environment
    serves: Serves
    artifact_hash: str
    engine: str
    cutoff: datetime  # time of the newest row that the served fit has seen
    window_end: datetime  # time of the newest row of its training window, holdout included
    reference: Reference
    library_versions: Mapping[str, str]
    valid_from: datetime
    monitor: MonitorState | None = None  # claims have it; None: no check counted a label yet
    attempted_at: datetime | None = None  # when the last training that was to replace it began
    holdouts: tuple[HoldoutUse, ...] = ()  # of the validations against this deployment

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """From the JSON of ``private.champion_json``; a claim's has what its checks left too."""
        attempted = row.get("attempted_at")
        return cls(
            deployment_id=UUID(row["id"]),
            model_id=UUID(row["model_id"]),
            model_version=row["model_version"],
            environment=Environment(row["environment"]),
            serves=Serves(row["serves"]),
            artifact_hash=row["artifact_hash"],
            engine=row["engine"],
            cutoff=datetime.fromisoformat(row["cutoff"]),
            window_end=datetime.fromisoformat(row["window_end"]),
            reference=Reference.from_row(row["reference"]),
            library_versions=row["library_versions"],
            valid_from=datetime.fromisoformat(row["valid_from"]),
            monitor=MonitorState.from_row(row["monitor"]) if row.get("monitor") else None,
            attempted_at=attempted and datetime.fromisoformat(attempted),
            holdouts=tuple(HoldoutUse.from_row(use) for use in row.get("holdouts", ())),
        )


@dataclass(frozen=True, kw_only=True)
class StoredModel:
    """A trained version as its row describes it; the artifact is in the store."""

    id: UUID
    model_type: str
    version: int
    artifact_hash: str
    final_artifact_hash: str | None
    engine: str
    random_seed: int
    plan: TrainingPlan

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """From a JSON row of ``ml_models``."""
        return cls(
            id=UUID(row["id"]),
            model_type=row["model_type"],
            version=row["version"],
            artifact_hash=row["artifact_hash"],
            final_artifact_hash=row["final_artifact_hash"],
            engine=row["engine"],
            random_seed=row["random_seed"],
            plan=TrainingPlan.from_row(row["plan"]),
        )


@dataclass(frozen=True, kw_only=True)
class ImportedModel:
    """A model made elsewhere that a job judges, in place of training one."""

    artifact_hash: str
    trained_until: datetime | None  # newest row that it has learnt from, as its owner said

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """From the JSON of a claim."""
        until = row["trained_until"]
        return cls(
            artifact_hash=row["artifact_hash"],
            trained_until=until and datetime.fromisoformat(until),
        )


@dataclass(frozen=True, kw_only=True)
class ClaimedJob:
    """A training job under this worker's lease."""

    id: UUID
    lease_token: UUID
    model_type: ModelType
    environment: Environment
    request_id: str | None  # of the request that asked for it
    attempt: int
    force: bool
    auto_validate: bool
    auto_deploy: bool
    evaluated_at: datetime  # the replay's time where there is one, else the clock at the claim
    champion: Champion | None
    last_attempt: datetime | None  # newest row that any training has seen, whatever became of it
    imported: ImportedModel | None = None  # what is judged where nothing is to be trained

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """From the JSON of ``claim_training_job``."""
        job = row["job"]
        return cls(
            id=UUID(job["id"]),
            lease_token=UUID(row["lease_token"]),
            model_type=ModelType.from_row(row["model_type"]),
            environment=Environment(job["environment"]),
            request_id=job["request_id"],
            attempt=job["attempt"],
            force=job["force"],
            auto_validate=job["auto_validate"],
            auto_deploy=job["auto_deploy"],
            evaluated_at=datetime.fromisoformat(row["evaluated_at"]),
            champion=row["champion"] and Champion.from_row(row["champion"]),
            last_attempt=row["last_attempt"] and datetime.fromisoformat(row["last_attempt"]),
            imported=ImportedModel.from_row(row["imported"]) if row.get("imported") else None,
        )


@dataclass(frozen=True, kw_only=True)
class Target:
    """One thing that an operation works on."""

    model_type: ModelType
    model: StoredModel | None  # None for a check: it concerns the champion
    champion: Champion | None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """From one element of ``claim_operation``'s targets."""
        return cls(
            model_type=ModelType.from_row(row["model_type"]),
            model=row["model"] and StoredModel.from_row(row["model"]),
            champion=row["champion"] and Champion.from_row(row["champion"]),
        )


@dataclass(frozen=True, kw_only=True)
class ClaimedOperation:
    """A check, validation or deployment under this worker's lease."""

    id: UUID
    lease_token: UUID
    kind: OperationKind
    environment: Environment
    request_id: str | None  # of the request that asked for it
    attempt: int
    parameters: Mapping[str, Any]
    evaluated_at: datetime
    targets: tuple[Target, ...]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """From the JSON of ``claim_operation``."""
        operation = row["operation"]
        return cls(
            id=UUID(operation["id"]),
            lease_token=UUID(row["lease_token"]),
            kind=OperationKind(operation["kind"]),
            environment=Environment(operation["environment"]),
            request_id=operation["request_id"],
            attempt=operation["attempt"],
            parameters=operation["parameters"],
            evaluated_at=datetime.fromisoformat(row["evaluated_at"]),
            targets=tuple(Target.from_row(t) for t in row["targets"]),
        )
