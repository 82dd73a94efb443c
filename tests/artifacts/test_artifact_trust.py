from __future__ import annotations

import functools
import io
import json
import operator
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import skops.io
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from core.artifacts import TRUSTED_TYPES, deserialise, serialise, trusted_types
from core.errors import ArtifactError
from tests.artifacts import models_to_store
from tests.artifacts.models_to_store import ENGINE


def a_call_of(module: str, name: str, argument: str) -> bytes:
    """An archive that skops, when it trusts the name, loads by calling it."""
    content = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode"}
    arguments = {
        "__class__": "tuple",
        "__module__": "builtins",
        "__loader__": "TupleNode",
        "content": [content | {"content": json.dumps(argument)}],
    }
    schema: dict[str, Any] = {
        "__class__": name,
        "__module__": module,
        "__loader__": "ConstructorFromReduceNode",
        "content": arguments,
        "protocol": 2,
        "_skops_version": skops.__version__,
    }
    data = io.BytesIO()
    with ZipFile(data, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
    return data.getvalue()


def test_a_command_in_a_file_is_refused_and_never_run(tmp_path: Path) -> None:
    marker = tmp_path / "it ran"
    attack = a_call_of("os", "system", f"touch '{marker}'")
    skops.io.loads(attack, trusted=["os.system"])
    assert marker.exists(), "the attack works where its type is trusted"
    marker.unlink()

    with pytest.raises(ArtifactError, match=r"not trusted: os\.system\."):
        deserialise(attack, engine="gradient_boosting")

    assert not marker.exists()


def test_an_attack_on_an_older_protocol_is_refused(tmp_path: Path) -> None:
    marker = tmp_path / "it ran"
    attack = a_call_of("os", "system", f"touch '{marker}'").replace(
        b'"protocol": 2', b'"protocol": 0'
    )

    with pytest.raises(ArtifactError):
        deserialise(attack, engine=ENGINE)

    assert not marker.exists()


@pytest.mark.parametrize(
    ("smuggled", "name"),
    [
        (os.system, "posix.system"),
        (functools.partial(subprocess.call, ["false"]), "subprocess.call"),
        (operator.methodcaller("write_text", "x"), "operator.methodcaller"),
        (exec, "builtins.exec"),
        (Path("x").unlink, "pathlib.PosixPath"),
    ],
)
@pytest.mark.parametrize("engine", [*TRUSTED_TYPES, ENGINE])
def test_a_smuggled_function_is_refused_by_name(smuggled: object, name: str, engine: str) -> None:
    data = serialise(make_pipeline(FunctionTransformer(smuggled)))

    with pytest.raises(ArtifactError, match="not trusted") as caught:
        deserialise(data, engine=engine)

    assert name in caught.value.message


def test_refusing_a_type_does_not_import_its_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad_on_import.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ArtifactError, match=r"bad_on_import\.run"):
        deserialise(a_call_of("bad_on_import", "run", "x"), engine="linear")

    assert "bad_on_import" not in sys.modules


def test_an_engine_does_not_trust_another_engines_types() -> None:
    data = serialise(models_to_store.fit("boosting"))

    with pytest.raises(ArtifactError, match="TreePredictor"):
        deserialise(data, engine="linear")


def test_an_engine_of_the_users_own_may_hold_what_ours_may() -> None:
    assert trusted_types(ENGINE) >= frozenset().union(*TRUSTED_TYPES.values())


def test_a_users_own_type_loads_once_the_operator_names_it() -> None:
    model = make_pipeline(FunctionTransformer(os.path.basename))

    with pytest.raises(ArtifactError, match="REFIT_TRUSTED_TYPES"):
        deserialise(serialise(model), engine=ENGINE)

    deserialise(serialise(model), engine=ENGINE, extra_types=["posixpath.basename"])


def test_nothing_that_runs_commands_is_in_our_lists() -> None:
    allowed = {"numpy", "sklearn", "functools", "core"}

    for name in trusted_types(ENGINE):
        assert name.split(".")[0] in allowed, name
