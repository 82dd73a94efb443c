"""`refit models import`: a model made elsewhere becomes the champion, or does not, by the gates."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest
import skops.io
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from typer.testing import Result

from tests.conftest import temporary_database, with_database
from tests.worker.lab import Lab, empty_queue, open_lab

Refit = Callable[..., Result]


@pytest.fixture(scope="module")
def lab(
    postgres_url: str,
    postgres_admin: psycopg.Connection,
    template_database: str,
    valkey_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lab]:
    """A database with a worker; each test has a model type of its own."""
    artifacts = tmp_path_factory.mktemp("artifacts")
    with (
        temporary_database(postgres_admin, template=template_database) as name,
        open_lab(with_database(postgres_url, name), empty_queue(valkey_url), artifacts) as lab,
        lab.worker(tmp_path_factory.mktemp("worker")),
    ):
        yield lab


def stored(folder: Path, *, right: bool = True, first: Any = "passthrough") -> Path:
    """A file with a model that knows the lab's world, or its opposite."""
    random = np.random.default_rng(7)
    frame = pd.DataFrame(
        {"size": random.normal(size=1500), "colour": random.choice(["blue", "green", "red"], 1500)}
    )
    good = (frame["size"] + (frame["colour"] == "red") > 0.3) == right
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["colour"]), (first, ["size"])
    )
    model: Pipeline = make_pipeline(columns, LogisticRegression())
    model.fit(frame, np.where(good, "good", "bad"))
    file = folder / "mine.skops"
    skops.io.dump(model, file)
    return file


def test_a_good_model_becomes_the_first_champion_as_it_is(
    refit: Refit, lab: Lab, tmp_path: Path
) -> None:
    name = lab.model_type()
    file = stored(tmp_path)

    result = refit("models", "import", str(file), "--model-type", name, "--json", **lab.variables())

    assert result.exit_code == 0, result.stderr
    job = json.loads(result.stdout)["job"]
    assert (job["result"]["verdict"], job["result"]["deployed"]) == ("approved", True)
    assert job["trigger"] == "import"
    champion = lab.store.get_champion(name)
    assert champion is not None
    assert (champion.engine, champion.serves) == ("imported", "approved_fit")
    served = lab.artifacts.get(champion.artifact_hash, engine="imported")
    np.testing.assert_array_equal(
        served.pipeline[-1].coef_,  # type: ignore[attr-defined]
        skops.io.load(file)[-1].coef_,
    )
    plan = lab.model(champion.model_id)["plan"]
    assert plan["calibration_rows"] == 0
    assert "An imported model" in plan["reason"]
    (check,) = lab.check(name)["result"]["results"]
    assert check["model_version"] == 1


def test_judged_once_more_it_stays_as_it_was_brought(
    refit: Refit, lab: Lab, tmp_path: Path
) -> None:
    name = lab.model_type(final_fit=True)
    file = stored(tmp_path)
    result = refit("models", "import", str(file), "--model-type", name, "--json", **lab.variables())
    model_id = json.loads(result.stdout)["job"]["result"]["model_id"]

    operation = lab.validate(model_ids=[model_id])

    assert operation["status"] == "succeeded", operation
    (judgement,) = operation["result"]["results"]
    assert judgement["verdict"] == "approved"
    assert "final_fit" not in judgement
    assert lab.model(model_id)["final_artifact_hash"] is None


def test_a_model_that_knows_another_world_gets_a_version_but_does_not_serve(
    refit: Refit, lab: Lab, tmp_path: Path
) -> None:
    name = lab.model_type()
    file = stored(tmp_path, right=False)
    result = refit("models", "import", str(file), "--model-type", name, "--json", **lab.variables())
    job = json.loads(result.stdout)["job"]
    assert job["result"]["deployed"] is False
    assert job["result"]["model_version"] == 1
    assert lab.store.get_champion(name) is None


def test_beside_a_champion_it_is_a_challenger_and_the_next_training_is_an_ordinary_one(
    refit: Refit, lab: Lab, tmp_path: Path
) -> None:
    name = lab.model_type(monthly_retraining_budget=2)
    before = lab.champion(name)
    file = stored(tmp_path)
    result = refit("models", "import", str(file), "--model-type", name, "--json", **lab.variables())
    job = json.loads(result.stdout)["job"]
    assert job["validation"]["champion_deployment_id"] == str(before["id"])
    after = lab.retrain(name, force=True)  # the second training: judging was none
    assert after["status"] == "succeeded", after["skip_reason"]
    assert lab.model(after["result"]["model_id"])["engine"] == "linear"


def test_types_that_are_not_trusted_and_files_that_are_none_are_named(
    refit: Refit, lab: Lab, tmp_path: Path
) -> None:
    name = lab.model_type()
    file = stored(tmp_path, first=FunctionTransformer(pd.DataFrame.abs))
    result = refit("models", "import", str(file), "--model-type", name, **lab.variables())
    assert result.exit_code == 1
    assert "REFIT_TRUSTED_TYPES" in result.stderr
    missing = refit("models", "import", "no.skops", "--model-type", name, **lab.variables())
    assert "no.skops cannot be read" in missing.stderr
    assert lab.store.list_training_jobs(model_type=name)["items"] == []
