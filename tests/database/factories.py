"""What the database tests arrange: model types, jobs in a state, outcomes, champions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import DictRow

from core.database import PostgresDatabase
from core.domain import Actor, ClaimedJob, ClaimedOperation, Environment, OperationKind, Role, User
from core.store import Store

Row = dict[str, Any]
Owner = psycopg.Connection[DictRow]

ADMIN = Actor(kind="key", id="key-admin", name="an admin's key", role=Role.ADMIN)
WORKER = "worker-1"
WINDOW_START = datetime(2026, 1, 1, tzinfo=UTC)
TRAIN_END = datetime(2026, 5, 1, tzinfo=UTC)
WINDOW_END = datetime(2026, 6, 1, tzinfo=UTC)
HOLDOUT = {"start": TRAIN_END.isoformat(), "end": WINDOW_END.isoformat()}
FAILURE = {"type": "data", "status": 422, "detail": "The column price is not there."}


def digest(text: str) -> str:
    """The SHA-256 of a text: an artifact's address, or a key's hash."""
    return hashlib.sha256(text.encode()).hexdigest()


def actor(role: Role) -> Actor:
    return Actor(kind="key", id=f"key-{role}", name=f"the {role}'s key", role=role)


def claims(role: str | None = None, **changes: Any) -> Row:
    """What a signed-in user's token says."""
    return {
        "sub": "5f0c3a52-1f36-4f1c-a2cf-9a5b1f3c7a11",
        "role": "authenticated",
        "email": "ada@example.org",
        "app_metadata": {} if role is None else {"ml_role": role},
        **changes,
    }


def user(role: str | None = None, **changes: Any) -> User:
    """A signed-in user; a connection to PostgreSQL never looks at the token."""
    return User(claims=claims(role, **changes), token="")


def definition(name: str = "churn", **changes: Any) -> Row:
    return {
        "name": name,
        "task": "classification",
        "source_relation": "public.customers",
        "key_columns": ["id"],
        "time_column": "signed_up_at",
        "target_column": "left_us",
        "feature_columns": ["plan", "visits"],
        "metric": "accuracy",
        **changes,
    }


def trained_model(text: str = "model", **changes: Any) -> Row:
    return {
        "artifact_hash": digest(text),
        "engine": "gradient_boosting",
        "parameters": {"max_iter": 100},
        "metrics": {"accuracy": 0.8},
        "reference": {"metric": "accuracy", "value": 0.8, "samples": 600},
        "plan": {
            "window_start": WINDOW_START.isoformat(),
            "train_end": TRAIN_END.isoformat(),
            "window_end": WINDOW_END.isoformat(),
            "train_rows": 700,
            "calibration_rows": 100,
            "holdout_rows": 200,
            "reason": "All history.",
        },
        "fingerprint": {"rows": 1000, "content_hash": digest("rows")},
        "library_versions": {"scikit-learn": "1.9.0"},
        "random_seed": 0,
        **changes,
    }


def judgement(verdict: str = "approved", **changes: Any) -> Row:
    return {
        "champion_deployment_id": None,
        "verdict": verdict,
        "auto_deployable": verdict == "approved",
        "improvement": 0.05,
        "confidence_interval": [0.01, 0.09],
        "samples": 600,
        "gates": [{"name": "enough_rows", "passed": True}],
        "reason": f"It is {verdict}.",
        **changes,
    }


def check_of(champion: Mapping[str, Any], verdict: str = "degraded", **changes: Any) -> Row:
    return {
        "model_type": champion["model_type"],
        "deployment_id": str(champion["id"]),
        "model_id": str(champion["model_id"]),
        "window_start": WINDOW_END.isoformat(),
        "window_end": (WINDOW_END + timedelta(days=7)).isoformat(),
        "metric": "accuracy",
        "baseline": 0.8,
        "current": 0.7,
        "degradation": 0.1,
        "confidence_interval": [0.06, 0.14],
        "p_value": 0.0004,
        "samples": 500,
        "threshold": 0.03,
        "verdict": verdict,
        "alarm": verdict == "degraded",
        "needs_retraining": verdict == "degraded",
        "low_power": False,
        "reason": "Accuracy fell from 0.80 to 0.70.",
        **changes,
    }


def monitor_state(read: int | None = None, *, days: int = 7, **state: Any) -> Row:
    """What a check leaves behind, as of some days after the window of the model type."""
    return {
        "revision_read": read,
        "seen_until": (WINDOW_END + timedelta(days=days)).isoformat(),
        "state": {"sequential": {}, **state},
    }


def drift_report(*, days: int = 7, **changes: Any) -> Row:
    """A day of rows that looks as it did."""
    end = WINDOW_END + timedelta(days=days)
    return {
        "window_start": (end - timedelta(days=1)).isoformat(),
        "window_end": end.isoformat(),
        "rows": 600,
        "features": [],
        "target": None,
        "prediction": None,
        "drifted_importance": 0.0,
        "alarm": False,
        "windows_in_alarm": 0,
        "starts_training": False,
        "reason": "The rows look as they did.",
        **changes,
    }


# How a worker may end a job.
JOB_ENDS: dict[str, Row] = {
    "succeeded": {"status": "succeeded", "model": trained_model()},
    "failed": {"status": "failed", "error": FAILURE},
    "cancelled": {"status": "cancelled"},
    "skipped": {"status": "skipped", "skip_reason": "The champion is healthy."},
}


def quality(**changes: Any) -> Row:
    return {
        "score": 0.9,
        "rows": 1000,
        "missing_share": 0.02,
        "duplicate_rows": 3,
        "findings": [],
        **changes,
    }


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One database with the ways to bring it into a state, by the SQL functions alone."""

    database: PostgresDatabase
    owner: Owner
    store: Store

    def as_role(self, role: Role) -> Store:
        """The store in the name of a machine key."""
        return Store(self.database, actor=actor(role))

    def as_user(self, role: str | None) -> Store:
        """The store in the name of a signed-in user."""
        return Store(self.database, actor=user(role))

    def model_type(self, name: str = "churn", **changes: Any) -> str:
        return self.store.create_model_type(definition(name, **changes)).name

    def queued_job(self, model_type: str = "churn", **changes: Any) -> UUID:
        answer = self.store.trigger_retraining(model_types=[model_type], **changes)
        return UUID(answer["jobs"][0]["id"])

    def running_job(self, model_type: str = "churn", **changes: Any) -> ClaimedJob:
        job = self.store.claim_training_job(self.queued_job(model_type, **changes), WORKER)
        assert job is not None
        return job

    def lost_job(self, job_id: UUID) -> UUID:
        """Claim a job for no time at all; returns the token of the lease that ran out."""
        row = self.database.call(
            "claim_training_job", {"p_id": job_id, "p_worker": WORKER, "p_lease_seconds": 0}
        )
        return UUID(row["lease_token"])

    def trained(
        self,
        model_type: str = "churn",
        text: str = "model",
        *,
        validation: Row | None = None,
        environment: Environment = Environment.PRODUCTION,
        auto_deploy: bool = False,
        **changes: Any,
    ) -> Row:
        """A model by a job of its own; returns its row."""
        job = self.running_job(
            model_type, environment=environment, auto_deploy=auto_deploy, force=True
        )
        finished = self.store.finish_training_job(
            job,
            {
                "status": "succeeded",
                "model": trained_model(text, **changes),
                "validation": validation,
            },
        )
        return self.row("select * from ml_models where id = %s", finished["result"]["model_id"])

    def challenger(
        self, model_type: str = "churn", text: str = "challenger", **changes: Any
    ) -> Row:
        """A model that is approved against the champion of now, and not deployed."""
        return self.trained(
            model_type,
            text,
            validation=judgement(champion_deployment_id=self.champion_id(model_type)),
            **changes,
        )

    def champion(self, model_type: str = "churn", text: str = "champion", **changes: Any) -> Row:
        """A model that serves; returns its deployment."""
        model = self.trained(
            model_type,
            text,
            validation=judgement(champion_deployment_id=self.champion_id(model_type)),
            auto_deploy=True,
            **changes,
        )
        return self.row(
            "select * from ml_model_deployments where model_id = %s and status = 'active'",
            model["id"],
        )

    def champion_id(
        self, model_type: str = "churn", environment: Environment = Environment.PRODUCTION
    ) -> str | None:
        champion = self.store.get_champion(model_type, environment)
        return None if champion is None else str(champion.deployment_id)

    def queued_operation(self, kind: OperationKind, **changes: Any) -> UUID:
        if kind is OperationKind.CHECK:
            return self.store.request_check(**changes)
        if kind is OperationKind.VALIDATION:
            return self.store.request_validation(**changes)
        return self.store.request_deployment(**changes)

    def running_operation(self, kind: OperationKind, **changes: Any) -> ClaimedOperation:
        operation = self.store.claim_operation(self.queued_operation(kind, **changes), WORKER)
        assert operation is not None
        return operation

    def lost_operation(self, operation_id: UUID) -> UUID:
        row = self.database.call(
            "claim_operation", {"p_id": operation_id, "p_worker": WORKER, "p_lease_seconds": 0}
        )
        return UUID(row["lease_token"])

    def deploy(self, model_id: UUID | str, **changes: Any) -> Row:
        """Ask for a deployment and carry it out; returns the finished operation."""
        operation = self.running_operation(
            OperationKind.DEPLOYMENT, model_ids=[UUID(str(model_id))], **changes
        )
        return self.store.finish_operation(operation, deployment_outcome(operation))

    def served(self) -> list[tuple[int, str]]:
        """Version and status of each deployment, oldest first."""
        rows = self.rows(
            "select m.version, d.status from ml_model_deployments as d "
            "join ml_models as m on m.id = d.model_id order by d.created_at"
        )
        return [(r["version"], r["status"]) for r in rows]

    def row(self, statement: str, *values: Any) -> Row:
        """The only row of a query, as the owner sees it."""
        rows = self.rows(statement, *values)
        assert len(rows) == 1, rows
        return rows[0]

    def rows(self, statement: str, *values: Any) -> list[Row]:
        return list(self.owner.execute(statement, values).fetchall())

    def job(self, job_id: UUID | str) -> Row:
        return self.row("select * from ml_training_jobs where id = %s", job_id)

    def operation(self, operation_id: UUID | str) -> Row:
        return self.row("select * from ml_operations where id = %s", operation_id)

    def alerts(self, **columns: Any) -> list[Row]:
        rows = self.rows("select * from ml_alerts order by created_at")
        return [r for r in rows if all(r[name] == value for name, value in columns.items())]

    def everything(self) -> dict[str, list[Row]]:
        """All rows of all tables: what must not change when something is refused."""
        tables = self.rows(
            "select oid::regclass::text as name from pg_class where relkind = 'r' "
            "and relnamespace in ('public'::regnamespace, 'private'::regnamespace)"
        )
        return {
            t["name"]: self.rows(f"select * from {t['name']} as t order by t::text") for t in tables
        }


def deployment_outcome(operation: ClaimedOperation) -> Row:
    """What a worker says when it has loaded the models and may swap them in."""
    models = [target.model for target in operation.targets if target.model is not None]
    return {
        "status": "succeeded",
        "results": [
            {
                "model_id": str(model.id),
                "artifact_hash": model.final_artifact_hash or model.artifact_hash,
            }
            for model in models
        ],
    }
