"""What the page of a model type shows."""

from __future__ import annotations

from uuid import UUID

from core.domain import Environment
from core.store.caller import Caller, Json


class ModelTypeReads(Caller):
    """One model type: its metric over time, its versions, where they served."""

    def get_model_type_page(
        self,
        name: str,
        *,
        environment: Environment = Environment.PRODUCTION,
        days: int = 30,
        compare: UUID | None = None,
        versions_cursor: str | None = None,
        deployments_cursor: str | None = None,
        limit: int = 10,
    ) -> Json:
        """Everything that the page shows, of one environment.

        Parameters
        ----------
        name : str
            The model type's.
        environment : Environment
        days : int
            How far back its series go.
        compare : UUID, optional
            The model whose validation is shown; else the newest one that was judged.
        versions_cursor, deployments_cursor : str, optional
            Where the two lists go on.
        limit : int
            How many rows each of them has.
        """
        answer: Json = self._ask(
            "get_model_type_page",
            p_name=name,
            p_environment=environment,
            p_days=days,
            p_compare=compare,
            p_versions_cursor=versions_cursor,
            p_deployments_cursor=deployments_cursor,
            p_limit=limit,
        )
        return answer

    def get_performance_series(
        self,
        model_type: str,
        *,
        environment: Environment = Environment.PRODUCTION,
        days: int = 30,
        points: int = 500,
    ) -> Json:
        """The champions' metric over the last days, oldest first, in at most so many points."""
        answer: Json = self._ask(
            "get_performance_series",
            p_model_type=model_type,
            p_environment=environment,
            p_days=days,
            p_points=points,
        )
        return answer

    def get_monitoring(
        self, model_type: str, *, environment: Environment = Environment.PRODUCTION
    ) -> Json:
        """What watching the deployment that serves has shown.

        Returns
        -------
        dict
            ``deployment`` and ``latest_check`` (None where there is none), ``drift`` (the last 30
            windows' reports), ``levels`` (of the sequential test) and ``estimates`` (without
            labels; ``realised`` is what labels said at the same check), each oldest first, and
            ``quality``, the newest assessment of training data.
        """
        answer: Json = self._ask(
            "get_monitoring", p_model_type=model_type, p_environment=environment
        )
        return answer

    def get_backtest(self, model_type: str) -> Json:
        """``{model_type, title, backtest}``: the newest that is stored, or None.

        A backtest is ``{id, created_at, created_by, report}``; the report is what
        :func:`core.backtest.report.report_data` gives.
        """
        answer: Json = self._ask("get_backtest", p_model_type=model_type)
        return answer

    def list_model_versions(
        self,
        model_type: str,
        *,
        environment: Environment = Environment.PRODUCTION,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Json:
        """Versions, newest first, each with its newest validation: ``{items, next_cursor}``."""
        answer: Json = self._ask(
            "list_model_versions",
            p_model_type=model_type,
            p_environment=environment,
            p_limit=limit,
            p_cursor=cursor,
        )
        return answer
