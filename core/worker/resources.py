"""What a training child needs to know of the world: addresses and allow-lists, plain strings."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.artifacts import ArtifactStore
from core.errors import ConfigurationError
from core.settings import Settings

if TYPE_CHECKING:
    from core.engines.own_metrics import OwnMetric


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Addresses and allow-lists; travels to the child as a pickle."""

    database_url: str
    artifacts_url: str
    s3_endpoint_url: str | None
    engines: tuple[str, ...]
    trusted_types: tuple[str, ...]
    metrics: tuple[str, ...] = ()

    @classmethod
    def from_settings(cls, settings: Settings) -> Resources:
        """The settings' part that a child uses.

        Raises
        ------
        ConfigurationError
            When an address is missing; it is named.
        """
        return cls(
            database_url=settings.require_database_url(),
            artifacts_url=settings.require_artifacts_url(),
            s3_endpoint_url=settings.s3_endpoint_url,
            engines=_split(settings.engines),
            trusted_types=_split(settings.trusted_types),
            metrics=_split(settings.metrics),
        )

    def artifacts(self) -> ArtifactStore:
        """The store, opened."""
        return ArtifactStore.open(self.artifacts_url, endpoint_url=self.s3_endpoint_url)

    def factories(self, engine: str) -> dict[str, Callable[[], Any]]:
        """The allow-listed factory of this engine; empty for any other name.

        Only what the operator listed is ever imported, never what a model type names. An engine
        that is not listed is refused where the pipeline is made, as any unknown name.

        Raises
        ------
        ConfigurationError
            When a listed factory cannot be imported.
        """
        if engine not in self.engines:
            return {}
        return {engine: _imported(engine, "REFIT_ENGINES")}

    def own_metrics(self, metric: str) -> dict[str, OwnMetric]:
        """The allow-listed metric of the user's own of this name; empty for any other name.

        Only what the operator listed is ever imported. A class is called without arguments.

        Raises
        ------
        ConfigurationError
            When a listed metric cannot be imported or made.
        """
        if metric not in self.metrics:
            return {}
        own = _imported(metric, "REFIT_METRICS")
        if isinstance(own, type):
            try:
                own = own()
            except Exception as exc:  # the user's code may raise anything
                raise ConfigurationError(
                    f"REFIT_METRICS names the class {metric}, which cannot be made: {exc}.",
                    hint="A metric's class is called without arguments.",
                ) from exc
        return {metric: own}


def _imported(name: str, setting: str) -> Any:
    module_name, _, attribute = name.partition(":")
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError, ValueError) as exc:  # ValueError: no module's name
        raise ConfigurationError(
            f"{setting} names {name}, which cannot be imported: {exc}.",
            hint="Install the package where the worker runs, or correct the name.",
        ) from exc


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
