"""Reading what the dashboard's first page shows."""

from __future__ import annotations

from core.domain import Environment
from core.store.caller import Caller, Json


class OverviewReads(Caller):
    """The overview, in one read."""

    def get_overview(
        self,
        environment: Environment = Environment.PRODUCTION,
        *,
        limit: int = 12,
        offset: int = 0,
    ) -> Json:
        """Figures, model types by title, standing alerts, newest jobs, and who works.

        Parameters
        ----------
        environment : Environment
        limit : int
            How many model types, 1 to 200.
        offset : int
            How many model types to leave out before them.
        """
        answer: Json = self._ask(
            "get_overview", p_environment=environment, p_limit=limit, p_offset=offset
        )
        return answer
