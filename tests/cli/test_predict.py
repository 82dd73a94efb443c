"""`refit predict`: which rows are new, whatever their times, keys and features are."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from typer.testing import Result

from tests.conftest import temporary_database, with_database
from tests.worker.lab import Lab, empty_queue, open_lab

Refit = Callable[..., Result]
Predict = Callable[..., int]
ROWS = 300
HOUR = timedelta(hours=1)


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


@pytest.fixture
def predict(refit: Refit, lab: Lab) -> Predict:
    """Run the command, into a table of the model type's; how many rows it predicted."""

    def run(model_type: str, *options: str) -> int:
        into = f"{model_type}_scores"
        result = refit("predict", model_type, "--into", into, "--json", *options, **lab.variables())
        assert result.exit_code == 0, result.stderr
        rows: int = json.loads(result.stdout)["rows"]
        return rows

    return run


def add_row(lab: Lab, table: str, **values: object) -> int:
    """A row without a label, and its id."""
    row = {"happened_at": datetime.now(UTC), "size": 0.1, "colour": "red", **values}
    columns, marks = ", ".join(row), ", ".join(["%s"] * len(row))
    added: int = lab.row(
        f"insert into {table} ({columns}) values ({marks}) returning id",
        *row.values(),
    )["id"]
    return added


def predicted_ids(lab: Lab, model_type: str) -> list[int]:
    rows = lab.rows(f"select id from {model_type}_scores order by id")
    return [row["id"] for row in rows]


def test_a_row_of_the_far_future_stops_no_row_after_it(lab: Lab, predict: Predict) -> None:
    table = lab.table(ROWS)
    name = lab.model_type(table)
    lab.champion(name)
    planned = add_row(lab, table, happened_at=datetime(2099, 1, 1, tzinfo=UTC))
    assert predict(name) == 1

    later = add_row(lab, table)

    assert predict(name) == 1
    assert predict(name) == 0
    assert predicted_ids(lab, name) == [planned, later]


def test_rows_whose_label_came_after_the_training_are_predicted_however_old(
    lab: Lab, predict: Predict
) -> None:
    table = lab.table(ROWS, newest=HOUR)
    lab.owner.execute(f"alter table {table} add known_at timestamptz")
    lab.owner.execute(f"update {table} set known_at = happened_at + interval '30 min'")
    open_row = add_row(lab, table, happened_at=datetime.now(UTC) - 31 * HOUR)
    slow_row = add_row(lab, table, happened_at=datetime.now(UTC) - 32 * HOUR)
    name = lab.model_type(table, label_time_column="known_at")
    lab.champion(name)
    lab.owner.execute(
        f"update {table} set label = 'good', known_at = clock_timestamp() where id = {slow_row}"
    )

    assert predict(name) == 2
    assert predicted_ids(lab, name) == [open_row, slow_row]


def test_without_a_label_time_the_delay_says_what_was_known(lab: Lab, predict: Predict) -> None:
    table = lab.table(ROWS, newest=HOUR)
    name = lab.model_type(table, label_delay="1 day")
    lab.champion(name)
    known = lab.row(
        "select count(*) as rows from ml_model_deployments d join ml_models m on m.id = d.model_id"
        f" join {table} t on t.happened_at + interval '1 day' > m.window_end"
        " where d.model_type = %s",
        name,
    )

    assert 0 < known["rows"] < ROWS
    assert predict(name) == known["rows"]


def test_rows_of_a_day_that_has_predictions_already_are_predicted(
    lab: Lab, predict: Predict
) -> None:
    table = lab.table(ROWS)
    lab.owner.execute(f"alter table {table} alter happened_at type date")
    name = lab.model_type(table)
    lab.champion(name)
    first = add_row(lab, table)
    assert predict(name) == 1

    second = add_row(lab, table)

    assert predict(name) == 1
    assert predicted_ids(lab, name) == [first, second]


def test_the_served_models_own_features_are_read(lab: Lab, predict: Predict) -> None:
    table = lab.table(ROWS)
    name = lab.model_type(table)
    lab.champion(name)
    add_row(lab, table)

    lab.store.update_model_type(name, {"feature_columns": ["colour"]})

    assert predict(name) == 1


def test_a_row_is_predicted_once_and_with_since_again_by_the_new_champion(
    lab: Lab, predict: Predict, refit: Refit
) -> None:
    table = lab.table(ROWS)
    name = lab.model_type(table)
    first = lab.champion(name)["model_id"]
    earlier, at = add_row(lab, table), datetime.now(UTC)
    later = add_row(lab, table)
    assert predict(name) == 2
    second = lab.retrain(name, force=True)["result"]["model_id"]
    lab.store.request_deployment(model_ids=[second], force=True)
    lab.deploy(model_ids=[second], force=True)

    assert predict(name) == 0
    assert predict(name, "--since", at.isoformat()) == 1

    rows = lab.rows(f"select id, model_id::text from {name}_scores order by predicted_at, id")
    assert [(row["id"], row["model_id"]) for row in rows] == [
        (earlier, str(first)),
        (later, str(first)),
        (later, str(second)),
    ]
    told = [
        refit("predict", name, "--into", f"{name}_scores", *since, **lab.variables()).stdout
        for since in ((), ("--since", "2098-01-01"))
    ]
    assert f"Every new row has its prediction in {name}_scores already" in told[0]
    assert "There are no rows later than 2098-01-01" in told[1]


def test_a_table_without_the_keys_is_refused(lab: Lab, refit: Refit) -> None:
    name = lab.model_type(lab.table(ROWS))
    lab.champion(name)
    add_row(lab, lab.table_of(name))
    other = lab.table_of(name)
    lab.owner.execute(f"create view {name}_other as select size from {other}")

    result = refit("predict", name, "--into", f"{name}_other", **lab.variables())

    assert result.exit_code == 1
    assert f"The table public.{name}_other has other columns: it lacks id." in result.stderr
