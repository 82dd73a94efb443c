from __future__ import annotations

import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn
from pydantic import SecretStr
from sklearn.pipeline import Pipeline

from core.artifacts import ArtifactStore, content_hash, open_artifact_store, serialise
from core.errors import ArtifactError, ArtifactStoreUnavailable, ConfigurationError
from core.settings import Settings
from tests.artifacts import models_to_store
from tests.artifacts.conftest import ACCESS_KEY, SECRET_KEY, S3Server

METADATA: dict[str, Any] = {
    "engine": "linear",
    "seed": 7,
    "parameters": {"C": 1.0},
    "training_window": ["2024-01-01T00:00:00+00:00", "2024-06-01T00:00:00+00:00"],
}
ROOT = Path(__file__).parents[2]
ABSENT = "0" * 64


@pytest.fixture(scope="module")
def model() -> Pipeline:
    return models_to_store.fit("logistic")


def test_a_stored_model_comes_back(store: ArtifactStore, model: Pipeline) -> None:
    digest = store.put(model, metadata=METADATA)

    loaded: Any = store.get(digest, engine="linear")

    assert digest == content_hash(serialise(model))
    assert store.exists(digest)
    rows = models_to_store.make_rows()
    np.testing.assert_array_equal(loaded.predict_proba(rows), model.predict_proba(rows))


def test_metadata_lie_beside_the_model_with_size_and_versions(
    store: ArtifactStore, model: Pipeline
) -> None:
    digest = store.put(model, metadata=METADATA)

    page = store.read_metadata(digest)

    assert {key: page[key] for key in METADATA} == METADATA
    assert page["size_bytes"] == len(serialise(model))
    assert page["versions"]["python"] == platform.python_version()
    assert page["versions"]["sklearn"] == sklearn.__version__
    assert page["versions"].keys() == {"python", "sklearn", "numpy", "skops"}
    assert page["platform"] == platform.platform()


def test_storing_a_model_again_changes_nothing(store: ArtifactStore, model: Pipeline) -> None:
    first = store.put(model, metadata=METADATA)
    modified = store._objects.head(f"models/{first[:2]}/{first}.skops")["last_modified"]

    second = store.put(model, metadata=METADATA | {"seed": 8})

    assert second == first
    assert store.read_metadata(first)["seed"] == 7
    assert store._objects.head(f"models/{first[:2]}/{first}.skops")["last_modified"] == modified


def test_a_model_cut_short_by_a_crash_is_written_again(
    store: ArtifactStore, model: Pipeline
) -> None:
    digest = content_hash(serialise(model))
    store._objects.put(f"models/{digest[:2]}/{digest}.skops", serialise(model)[:100])

    store.put(model, metadata=METADATA)

    assert isinstance(store.get(digest, engine="linear"), Pipeline)


def test_a_damaged_model_is_refused_before_it_is_loaded(
    store: ArtifactStore, model: Pipeline
) -> None:
    digest = store.put(model, metadata=METADATA)
    data = bytearray(serialise(model))
    data[len(data) // 2] ^= 1
    store._objects.put(f"models/{digest[:2]}/{digest}.skops", bytes(data))

    with pytest.raises(ArtifactError, match="is damaged") as caught:
        store.get(digest, engine="linear")

    assert digest in caught.value.message
    assert store.name in caught.value.message


def test_storing_a_model_again_mends_a_damaged_one(store: ArtifactStore, model: Pipeline) -> None:
    digest = store.put(model, metadata=METADATA)
    data = bytearray(serialise(model))
    data[len(data) // 2] ^= 1
    store._objects.put(f"models/{digest[:2]}/{digest}.skops", bytes(data))

    store.put(model, metadata=METADATA)

    assert isinstance(store.get(digest, engine="linear"), Pipeline)


def test_another_model_under_the_hash_is_refused(store: ArtifactStore, model: Pipeline) -> None:
    digest = store.put(model, metadata=METADATA)
    store._objects.put(f"models/{digest[:2]}/{digest}.skops", serialise(np.arange(3)))

    with pytest.raises(ArtifactError, match="is damaged"):
        store.get(digest, engine="linear")


def test_a_missing_model_is_refused_by_hash_and_store(store: ArtifactStore) -> None:
    assert not store.exists(ABSENT)
    with pytest.raises(ArtifactError, match=ABSENT) as caught:
        store.get(ABSENT, engine="linear")
    assert store.name in caught.value.message
    with pytest.raises(ArtifactError, match=ABSENT):
        store.read_metadata(ABSENT)


def test_a_deleted_model_is_gone_and_may_be_deleted_again(
    store: ArtifactStore, model: Pipeline
) -> None:
    digest = store.put(model, metadata=METADATA)

    store.delete(digest)
    store.delete(digest)

    assert not store.exists(digest)
    with pytest.raises(ArtifactError):
        store.read_metadata(digest)


@pytest.mark.parametrize("text", ["", "../../etc/passwd", "A" * 64, "0" * 63, f"{ABSENT}\n"])
def test_what_is_no_hash_never_becomes_a_path(store: ArtifactStore, text: str) -> None:
    for attempt in (store.exists, store.read_metadata, store.delete, store.read_bytes):
        with pytest.raises(ArtifactError, match="not a content hash"):
            attempt(text)


@pytest.mark.parametrize("value", [datetime(2024, 1, 1, tzinfo=UTC), float("nan"), {1, 2}])
def test_metadata_that_are_not_json_are_refused_and_nothing_is_stored(
    store: ArtifactStore, model: Pipeline, value: object
) -> None:
    with pytest.raises(ArtifactError, match="metadata"):
        store.put(model, metadata={"when": value})

    assert not store.exists(content_hash(serialise(model)))


def test_settings_open_the_store_they_name(s3_server: S3Server, model: Pipeline) -> None:
    settings = Settings(
        REFIT_ARTIFACTS_URL=f"s3://{s3_server.bucket}/by-settings",
        REFIT_S3_ENDPOINT_URL=s3_server.endpoint_url,
    )

    digest = open_artifact_store(settings).put(model, metadata=METADATA)

    assert open_artifact_store(settings).exists(digest)


def test_files_of_a_folder_store_are_whole_or_absent(tmp_path: Path, model: Pipeline) -> None:
    digest = ArtifactStore.open(tmp_path.as_uri()).put(model, metadata=METADATA)

    names = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*"))

    assert names == [
        f"models/{digest[:2]}/{digest}.json",
        f"models/{digest[:2]}/{digest}.skops",
    ]


@pytest.mark.parametrize(
    ("url", "endpoint_url", "message"),
    [
        ("/some/folder", None, "REFIT_ARTIFACTS_URL has the scheme"),
        ("https://example.org/x", None, "REFIT_ARTIFACTS_URL has the scheme https"),
        ("file://elsewhere/folder", None, "not the address of a folder"),
        ("file:relative", None, "not the address of a folder"),
        ("file:///proc/nowhere/x", None, "cannot be made"),
        ("s3:///prefix", None, "names no bucket"),
        ("s3://key:hidden@bucket", None, "REFIT_ARTIFACTS_URL holds credentials"),
        ("s3://bucket", "http://192.0.2.1:9000", "unencrypted"),
        ("s3://bucket", "https://key:hidden@store", "REFIT_S3_ENDPOINT_URL holds credentials"),
        ("s3://bucket", "ftp://127.0.0.1", "REFIT_S3_ENDPOINT_URL is not an https address"),
        ("s3://bucket", "https://host:hidden", "REFIT_S3_ENDPOINT_URL is not a valid address"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_by_name(
    url: str, endpoint_url: str | None, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(message)) as caught:
        ArtifactStore.open(url, endpoint_url=endpoint_url)

    assert "hidden" not in str(caught.value)


def assert_silent_about_credentials(error: BaseException) -> None:
    chain: list[BaseException | None] = [error, error.__cause__]
    texts = [f"{link} {link!r}" for link in chain if link is not None]
    assert error.__suppress_context__
    for text in texts:
        assert SECRET_KEY not in text
        assert ACCESS_KEY not in text


def test_a_bucket_that_does_not_exist_is_an_error_without_credentials(
    s3_server: S3Server, model: Pipeline
) -> None:
    store = ArtifactStore.open("s3://no-such-bucket/x", endpoint_url=s3_server.endpoint_url)

    with pytest.raises(ArtifactError, match="NoSuchBucket") as caught:
        store.put(model, metadata=METADATA)

    assert "s3://no-such-bucket/x" in caught.value.message
    assert_silent_about_credentials(caught.value)


def test_a_store_that_is_away_is_an_error_soon(aws_credentials: None) -> None:
    store = ArtifactStore.open("s3://bucket/x", endpoint_url="http://127.0.0.1:9")

    with pytest.raises(ArtifactStoreUnavailable, match="no connection") as caught:
        store.read_bytes(ABSENT)

    assert_silent_about_credentials(caught.value)


def test_opening_a_store_needs_its_address() -> None:
    with pytest.raises(ConfigurationError, match="REFIT_ARTIFACTS_URL"):
        open_artifact_store(Settings(REFIT_ARTIFACTS_URL=None, REDIS_URL=SecretStr("redis://x")))


def test_the_package_loads_no_heavy_library_by_itself() -> None:
    program = "import sys, core.artifacts; print(*sys.modules)"

    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True, text=True
    )

    assert not {"sklearn", "skops", "numpy", "pandas", "obstore"} & set(result.stdout.split())
