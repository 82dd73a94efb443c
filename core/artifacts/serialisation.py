"""From a fitted model to an artifact's bytes and back."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from io import BytesIO
from zipfile import ZipFile

from core.artifacts.canonical import canonicalise
from core.artifacts.trusted_types import trusted_types
from core.errors import ArtifactError


def serialise(model: object) -> bytes:
    """A fitted model as canonical bytes: equal models give equal bytes, in any process.

    Raises
    ------
    ArtifactError
        The model holds something that the skops format cannot take.
    """
    import skops.io

    try:
        return canonicalise(skops.io.dumps(model))
    except MemoryError:
        raise
    except Exception as exc:
        raise ArtifactError(
            f"A {type(model).__qualname__} cannot be stored: {exc}",
            hint="Keep only scikit-learn estimators, NumPy arrays and plain values in a model.",
        ) from exc


def deserialise(data: bytes, *, engine: str, extra_types: Sequence[str] = ()) -> object:
    """The fitted model in an artifact's bytes; its types are audited before any is made.

    Parameters
    ----------
    data
        What :func:`serialise` gave. Check its hash first when it was stored.
    engine
        The engine that made the model: decides which types may be in it.
    extra_types
        Qualified names that the operator trusts as well (``REFIT_TRUSTED_TYPES``).

    Raises
    ------
    ArtifactError
        The bytes are no artifact, or hold types that are not trusted (the message names them).
    """
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        return skops.io.loads(data, trusted=sorted(trusted_types(engine, extra_types)))
    except UntrustedTypesFoundException as exc:
        names = ", ".join(_untrusted_names(exc))
        raise ArtifactError(
            f"A model of the engine {engine} holds types that are not trusted: {names}.",
            hint="If they belong to an engine of your own, name them in REFIT_TRUSTED_TYPES.",
        ) from exc
    except MemoryError:
        raise
    except Exception as exc:  # damaged bytes, or classes of other versions: anything may come
        raise ArtifactError(
            f"A model of the engine {engine} cannot be read: {type(exc).__name__}: {exc}",
            hint=f"It was written by {_writer(data)}; retrain the model with what runs here.",
        ) from exc


def _untrusted_names(error: Exception) -> list[str]:
    # skops gives the names only inside its message, as a Python list in the first line.
    return re.findall(r"'([^']+)'", str(error).split("\n", 1)[0])


def _writer(data: bytes) -> str:
    try:
        with ZipFile(BytesIO(data)) as archive:
            schema = json.loads(archive.read("schema.json"))
        return f"skops {schema['_skops_version']}"
    except Exception:  # noqa: BLE001 - it is known to be damaged
        return "something else than Refit"
