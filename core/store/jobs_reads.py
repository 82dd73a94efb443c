"""Reading what the pages about training jobs show."""

from __future__ import annotations

from uuid import UUID

from core.domain import Environment, JobStatus
from core.store.caller import Caller, Json


class JobsReads(Caller):
    """Training jobs with all that belongs to them, a page in one read."""

    def list_job_summaries(
        self,
        environment: Environment = Environment.PRODUCTION,
        *,
        model_type: str | None = None,
        status: JobStatus | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Json:
        """Training jobs, newest first: ``{items, next_cursor, active, model_types}``.

        ``active`` counts the environment's jobs that wait or run; ``model_types`` are all there
        are, by title.
        """
        answer: Json = self._ask(
            "list_job_summaries",
            p_environment=environment,
            p_model_type=model_type,
            p_status=status,
            p_limit=limit,
            p_cursor=cursor,
        )
        return answer

    def get_job_details(self, job_id: UUID) -> Json:
        """A training job with its model, validation, stages, log, requests and callbacks."""
        answer: Json = self._ask("get_job_details", p_id=job_id)
        return answer

    def list_requested_jobs(self, request_id: str) -> list[Json]:
        """The jobs that a request made or joined; the latter say so with ``joined``."""
        answer: list[Json] = self._ask("list_requested_jobs", p_request_id=request_id)["items"]
        return answer

    def explain_decision(self, decision_id: UUID) -> Json:
        """What a decision was made from, by the id of a job, model, deployment or operation.

        With ``kind`` (one of these words): ``job``, ``model``, ``validation``, ``deployments`` and
        the model type's ``title`` and ``metric``; or the ``operation``.
        """
        answer: Json = self._ask("explain_decision", p_id=decision_id)
        return answer
