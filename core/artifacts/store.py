"""The artifact store: models under the SHA-256 of their bytes, in a folder or an S3 bucket."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NoReturn, Self

from core.artifacts.canonical import content_hash as hash_of
from core.artifacts.location import open_location
from core.artifacts.serialisation import deserialise, serialise
from core.errors import ArtifactError, ArtifactStoreUnavailable

if TYPE_CHECKING:
    from obstore.store import LocalStore, S3Store

    from core.settings import Settings

_HASH = re.compile(r"[0-9a-f]{64}")
_LIBRARIES = {"sklearn": "scikit-learn", "numpy": "numpy", "skops": "skops"}


def open_artifact_store(settings: Settings) -> ArtifactStore:
    """The store that ``REFIT_ARTIFACTS_URL`` and ``REFIT_S3_ENDPOINT_URL`` name."""
    return ArtifactStore.open(
        settings.require_artifacts_url(), endpoint_url=settings.s3_endpoint_url
    )


class ArtifactStore:
    """Fitted models, each kept once under its own hash, with a page of metadata beside it.

    An artifact never changes, so storing one again is harmless and needs no conditional write
    (some S3-compatible stores have none).
    """

    def __init__(self, objects: LocalStore | S3Store, *, name: str) -> None:
        self._objects = objects
        self.name = name  # for messages: the address, which holds no credentials

    @classmethod
    def open(cls, url: str, *, endpoint_url: str | None = None) -> Self:
        """Open ``file:///some/folder`` (created when missing) or ``s3://bucket/prefix``.

        Raises
        ------
        ConfigurationError
            An address is malformed, holds credentials, or would send them unencrypted.
        """
        return cls(open_location(url, endpoint_url=endpoint_url), name=url)

    def put(self, model: object, *, metadata: Mapping[str, Any]) -> str:
        """Store a fitted model; gives its content hash.

        Parameters
        ----------
        model
            A fitted estimator, or one of ours that holds some.
        metadata
            What to write beside it: training window, fingerprint, parameters, seed, engine and
            the like. Sizes and versions are added here.

        Raises
        ------
        ArtifactError
            The model or its metadata cannot be written, or the store does not take it.
        """
        data = serialise(model)
        digest = hash_of(data)
        if self._holds(digest, len(data)):
            return digest
        # The metadata goes first: a model that is there always has its page.
        self._write(_metadata_path(digest), _page(metadata, size_bytes=len(data)), digest)
        self._write(_model_path(digest), data, digest)
        return digest

    def get(self, content_hash: str, *, engine: str, extra_types: Sequence[str] = ()) -> object:
        """The fitted model with this hash; nothing is loaded from bytes that do not match it.

        Raises
        ------
        ArtifactError
            The model is missing, damaged, or holds types that are not trusted.
        """
        data = self.read_bytes(content_hash)
        return deserialise(data, engine=engine, extra_types=extra_types)

    def read_bytes(self, content_hash: str) -> bytes:
        """The artifact's bytes, checked against their hash."""
        data = self._read(_model_path(content_hash), content_hash)
        found = hash_of(data)
        if found != content_hash:
            raise ArtifactError(
                f"The model {content_hash} in {self.name} is damaged: its bytes have the hash "
                f"{found}.",
                hint="Restore it from a backup, or retrain.",
            )
        return data

    def read_metadata(self, content_hash: str) -> dict[str, Any]:
        """The page that was written beside the model.

        Raises
        ------
        ArtifactError
            The page is missing or damaged.
        """
        data = self._read(_metadata_path(content_hash), content_hash)
        try:
            page = json.loads(data)
        except ValueError as exc:
            raise ArtifactError(
                f"The metadata of the model {content_hash} in {self.name} are damaged."
            ) from exc
        return dict(page)

    def exists(self, content_hash: str) -> bool:
        """Whether the model is in the store."""
        return self._size(_model_path(content_hash)) is not None

    def delete(self, content_hash: str) -> None:
        """Remove the model and its metadata; one that is not there is no error."""
        for path in (_model_path(content_hash), _metadata_path(content_hash)):
            try:
                self._objects.delete(path)
            except FileNotFoundError:
                continue
            except _store_errors() as exc:
                self._refuse("deleted", content_hash, exc)

    def _holds(self, digest: str, size: int) -> bool:
        """Whether model and page are there, whole: damage of the same size is written over."""
        if self._size(_model_path(digest)) != size or not self._size(_metadata_path(digest)):
            return False
        try:
            self.read_bytes(digest)
            self.read_metadata(digest)
        except ArtifactStoreUnavailable:
            raise
        except ArtifactError:
            return False
        return True

    def _size(self, path: str) -> int | None:
        """Bytes of an object, or None when there is none."""
        try:
            return self._objects.head(path)["size"]
        except FileNotFoundError:
            return None
        except _store_errors() as exc:
            self._refuse("looked up", _hash_in(path), exc)

    def _write(self, path: str, data: bytes, digest: str) -> None:
        try:
            self._objects.put(path, data)
        except _store_errors() as exc:
            self._refuse("written", digest, exc)

    def _read(self, path: str, digest: str) -> bytes:
        try:
            return self._objects.get(path).bytes().to_bytes()
        except FileNotFoundError:
            raise ArtifactError(
                f"The model {digest} is not in {self.name}.",
                hint="Is REFIT_ARTIFACTS_URL the store that the model was trained with?",
            ) from None
        except _store_errors() as exc:
            self._refuse("read", digest, exc)

    def _refuse(self, verb: str, digest: str, error: Exception) -> NoReturn:
        # The store's own text is cut away, cause included: a server's answer may quote the
        # request's credentials.
        kind = ArtifactStoreUnavailable if _is_away(error) else ArtifactError
        raise kind(
            f"The model {digest} could not be {verb} in {self.name}: {_reason(error)}.",
            hint="Check REFIT_ARTIFACTS_URL, REFIT_S3_ENDPOINT_URL and the AWS variables.",
        ) from None


def _store_errors() -> tuple[type[Exception], ...]:
    from obstore.exceptions import BaseError

    return (BaseError, OSError)


def _is_away(error: Exception) -> bool:
    """Whether the store did not answer, or said that it is too busy."""
    text = str(error)
    no_answer = any(sign in text for sign in ("kind: Connect", "kind: Timeout", "timed out"))
    return no_answer or bool(re.search(r"status(?: code)?:? (429|50[0234])\b", text))


def _reason(error: Exception) -> str:
    """What a person needs of a store's error: its kind, and the code of the system or of S3."""
    text = str(error)
    details = [type(error).__name__]
    details += [os.strerror(int(code)) for code in re.findall(r"\(os error (\d+)\)", text)[:1]]
    details += re.findall(r"status(?: code)?:? (\d{3})", text)[:1]
    details += re.findall(r"<Code>(\w+)</Code>", text)[:1]
    if "kind: Connect" in text:
        details.append("no connection")
    return ", ".join(details)


def _page(metadata: Mapping[str, Any], *, size_bytes: int) -> bytes:
    versions = {name: version(package) for name, package in _LIBRARIES.items()}
    page = dict(metadata) | {
        "size_bytes": size_bytes,
        "versions": {"python": platform.python_version()} | versions,
        "platform": platform.platform(),
    }
    try:
        return json.dumps(page, indent=2, sort_keys=True, allow_nan=False).encode()
    except (TypeError, ValueError) as exc:
        raise ArtifactError(
            f"The model's metadata cannot be written as JSON: {exc}",
            hint="Give numbers, texts, lists and objects only.",
        ) from exc


def _model_path(digest: str) -> str:
    return f"{_stem(digest)}.skops"


def _metadata_path(digest: str) -> str:
    return f"{_stem(digest)}.json"


def _stem(digest: str) -> str:
    # Checked before it becomes a path: it may come from a request.
    if not _HASH.fullmatch(digest):
        raise ArtifactError(
            f"{digest!r} is not a content hash.", hint="It has 64 hexadecimal digits."
        )
    return f"models/{digest[:2]}/{digest}"


def _hash_in(path: str) -> str:
    return path.rsplit("/", 1)[-1].split(".", 1)[0]
