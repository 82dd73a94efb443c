from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

from core.artifacts import content_hash, deserialise, serialise
from core.errors import ArtifactError
from tests.artifacts import models_to_store

ROOT = Path(__file__).parents[2]


def hashes_in_a_new_process(*, hash_seed: str) -> dict[str, str]:
    result = subprocess.run(
        [sys.executable, models_to_store.__file__],
        env=os.environ
        | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(result.stdout))


def test_the_same_fit_in_two_processes_has_the_same_hash() -> None:
    first = hashes_in_a_new_process(hash_seed="1")
    second = hashes_in_a_new_process(hash_seed="2")

    assert first == second
    assert len(set(first.values())) == len(models_to_store.ESTIMATORS)


@pytest.mark.parametrize("name", models_to_store.ESTIMATORS)
def test_a_refit_gives_the_same_bytes(name: str) -> None:
    assert serialise(models_to_store.fit(name)) == serialise(models_to_store.fit(name))


@pytest.mark.parametrize("name", models_to_store.ESTIMATORS)
def test_a_model_comes_back_with_the_same_predictions(name: str) -> None:
    model = models_to_store.fit(name)
    rows = models_to_store.make_rows()

    loaded = deserialise(serialise(model), engine=models_to_store.ENGINE)

    assert type(loaded) is type(model)
    method = "predict_proba" if hasattr(model, "predict_proba") else "predict"
    np.testing.assert_array_equal(getattr(loaded, method)(rows), getattr(model, method)(rows))


def test_one_changed_number_changes_the_hash() -> None:
    values = np.arange(5.0)
    changed = values.copy()
    changed[3] = np.nextafter(changed[3], 10)

    assert content_hash(serialise(values)) != content_hash(serialise(changed))


def test_a_loaded_model_is_stored_under_the_same_hash_again() -> None:
    data = serialise(models_to_store.fit("boosting calibrated by sigmoids"))

    assert serialise(deserialise(data, engine=models_to_store.ENGINE)) == data


def test_an_object_in_two_places_stays_one_object() -> None:
    shared = np.arange(3)
    alone = np.arange(3)

    loaded: Any = deserialise(serialise([shared, shared, alone]), engine="linear")

    first, second, third = loaded
    assert first is second
    assert first is not third


def test_a_users_own_keys_are_not_taken_for_the_formats() -> None:
    value = {"__id__": 5, "file": "1.npy", "__loader__": "JsonNode", "content": [np.arange(2)]}

    loaded = deserialise(serialise(value), engine="linear")

    assert isinstance(loaded, dict)
    assert {key: loaded[key] for key in ("__id__", "file", "__loader__")} == {
        "__id__": 5,
        "file": "1.npy",
        "__loader__": "JsonNode",
    }
    np.testing.assert_array_equal(loaded["content"][0], np.arange(2))


def test_sets_bytes_and_arrays_of_objects_come_back() -> None:
    value = {
        "set": {"b", "a", "c"},
        "frozen": frozenset({"y", "x"}),
        "bytes": b"\x00\x01",
        "objects": np.array(["p", None], dtype=object),
    }

    loaded = deserialise(serialise(value), engine="linear", extra_types=["builtins.frozenset"])

    assert isinstance(loaded, dict)
    assert loaded["objects"].tolist() == ["p", None]
    assert {key: loaded[key] for key in ("set", "frozen", "bytes")} == {
        key: value[key] for key in ("set", "frozen", "bytes")
    }


def test_members_are_numbered_and_dated_1980() -> None:
    with ZipFile(io.BytesIO(serialise([np.arange(2), b"x", np.arange(3)]))) as archive:
        infos = archive.infolist()

    assert [info.filename for info in infos] == ["schema.json", "1.npy", "2.bin", "3.npy"]
    assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}


def test_what_the_format_cannot_take_is_refused_by_name() -> None:
    with pytest.raises(ArtifactError, match="A list cannot be stored"):
        serialise([object(), (value for value in range(3))])


@pytest.mark.parametrize("data", [b"", b"not an archive", b"PK\x03\x04"])
def test_bytes_that_are_no_artifact_are_refused(data: bytes) -> None:
    with pytest.raises(ArtifactError, match="cannot be read"):
        deserialise(data, engine="linear")


def test_a_byte_changed_anywhere_never_ends_in_another_error() -> None:
    data = serialise(models_to_store.fit("logistic"))

    for position in range(0, len(data), 97):
        changed = bytearray(data)
        changed[position] ^= 0x41
        with contextlib.suppress(ArtifactError):
            deserialise(bytes(changed), engine=models_to_store.ENGINE)
