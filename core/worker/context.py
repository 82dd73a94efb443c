"""What one worker process works with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event

from core.database.protocol import Database
from core.process_name import process_name
from core.queue import Doorbell
from core.settings import Settings
from core.store import Store
from core.worker.isolation import Limits
from core.worker.resources import Resources
from core.worker.work_metrics import WorkFigures


@dataclass(frozen=True, kw_only=True)
class WorkerContext:
    """The process's store, doorbell and limits.

    ``leaving`` is set when it is asked to end, ``callbacks_due`` when callbacks may be to send.
    """

    name: str
    store: Store
    doorbell: Doorbell
    resources: Resources
    limits: Limits
    retention_days: Mapping[str, int]
    figures: WorkFigures | None = None
    leaving: Event = field(default_factory=Event)
    callbacks_due: Event = field(default_factory=Event)

    @classmethod
    def from_settings(
        cls, settings: Settings, database: Database, figures: WorkFigures | None = None
    ) -> WorkerContext:
        """Connects to nothing yet.

        Raises
        ------
        ConfigurationError
            When an address is missing or wrong; it is named.
        """
        return cls(
            name=process_name(),
            store=Store(database),
            doorbell=Doorbell(settings.require_redis_url()),
            resources=Resources.from_settings(settings),
            limits=Limits(
                time_limit_s=settings.training_time_limit_s,
                memory_limit_mb=settings.training_memory_limit_mb,
                threads=settings.training_threads,
            ),
            retention_days=settings.retention_days,
            figures=figures,
        )

    def note_end(self, actor: str, status: str) -> None:
        """Count a job or an operation that ended, where figures are asked for."""
        if self.figures is not None:
            self.figures.note_end(actor, status)
