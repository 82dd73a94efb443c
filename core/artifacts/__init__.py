"""Fitted models as artifacts: canonical bytes, kept under their own hash.

Only workers and the command line load this package; HTTP functions never do.
"""

from __future__ import annotations

from core.artifacts.canonical import content_hash
from core.artifacts.serialisation import deserialise, serialise
from core.artifacts.store import ArtifactStore, open_artifact_store
from core.artifacts.trusted_types import OWN_ENGINE_TYPES, TRUSTED_TYPES, trusted_types

__all__ = [
    "OWN_ENGINE_TYPES",
    "TRUSTED_TYPES",
    "ArtifactStore",
    "content_hash",
    "deserialise",
    "open_artifact_store",
    "serialise",
    "trusted_types",
]
