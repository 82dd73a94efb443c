"""What a training child needs to know of the world: addresses and allow-lists, plain strings."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.artifacts import ArtifactStore
from core.errors import ConfigurationError
from core.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Addresses and allow-lists; travels to the child as a pickle."""

    database_url: str
    artifacts_url: str
    s3_endpoint_url: str | None
    engines: tuple[str, ...]
    trusted_types: tuple[str, ...]

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
        module_name, _, attribute = engine.partition(":")
        try:
            factory: Callable[[], Any] = getattr(importlib.import_module(module_name), attribute)
        except (ImportError, AttributeError, ValueError) as exc:  # ValueError: no module's name
            raise ConfigurationError(
                f"REFIT_ENGINES names {engine}, which cannot be imported: {exc}.",
                hint="Install the package where the worker runs, or correct the name.",
            ) from exc
        return {engine: factory}


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
