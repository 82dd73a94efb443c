"""Every error is one line on standard error that says what and how to mend it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from typer.testing import Result

from core.errors import RefitError

Refit = Callable[..., Result]


def error_line(result: Result, *, code: int = 1) -> str:
    assert result.exit_code == code, result.output
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("error: ")
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("rollback", "nothing", "--reason", "worse"), "There is no model type nothing. Known: "),
        (("retrain",), "There is no enabled model type. refit model-types create makes one."),
        (("retrain", "nothing"), "There is no model type nothing."),
        (("check", "--time-window", "0"), "time_window must be between 1 and 3650 days."),
        (("validate",), "Name what is meant in one way"),
        (("validate", "nothing"), "There is no model type nothing."),
        (("deploy", "nothing"), "There is no model type nothing."),
        (("deploy", "--model-id", str(uuid4())), "There is no model "),
        (("cancel", str(uuid4())), "There is no job "),
        (("history", "nothing"), "There is no model type nothing."),
        (("predict", "nothing", "--into", "t"), "There is no model type nothing."),
        (("model-types", "show", "nothing"), "There is no model type nothing."),
        (("model-types", "create"), "A model type needs a name."),
        (("model-types", "create", "x", "--source", "t"), "A model type needs --target."),
        (("model-types", "create", "x", "--builtin", "content_performance"), "brings its own"),
        (("model-types", "update", "x"), "Nothing is to be changed. Name at least one option."),
        (("model-types", "create", "x", "--source", "gone", "--target", "y"), "public.gone"),
        (("model-types", "create", "--builtin", "content_performance"), "public.content_posts"),
        (("keys", "revoke", "nobody"), "There is no standing key named nobody."),
        (("keys", "create", "x", "--expires-in", "soon"), "'soon' is not an interval."),
        (("import-csv", "gone.csv"), "gone.csv"),
        (("import-csv", "gone.csv", "--every", "x"), "'x' is not an interval."),
        (("retrain", "--as-of", "yesterday"), "--as-of 'yesterday' is not a time."),
    ],
)
def test_an_error_is_one_line_and_exit_code_1(
    refit: Refit, arguments: tuple[str, ...], told: str
) -> None:
    assert told in error_line(refit(*arguments))


def test_a_message_that_ends_in_somebodys_words_ends_before_its_hint() -> None:
    assert str(RefitError("It was rolled back: bad", hint="Train.")) == (
        "It was rolled back: bad. Train."
    )
    assert str(RefitError("It was rolled back: bad.", hint="Train.")).count(".") == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("frobnicate",), "No such command 'frobnicate'"),
        (("statsu",), "Did you mean 'status'?"),
        (("status", "--nope"), "No such option: --nope"),
        (("keys",), "Missing command"),
        (("rollback", "churn"), "--reason"),
        (("cancel", "not-an-id"), "work_id"),
        (("history", "--limit", "0"), "--limit"),
        (
            ("status", "--environment", "moon"),
            "Invalid value for '--environment' / '-e': 'moon' is",
        ),
        (("keys", "create", "x", "--role", "king"), "Invalid value for '--role': 'king' is not"),
    ],
)
def test_misuse_is_one_line_and_exit_code_2(
    refit: Refit, arguments: tuple[str, ...], told: str
) -> None:
    line = error_line(refit(*arguments), code=2)

    assert told in line
    assert "See `refit" in line


def test_debug_shows_where_an_error_came_from_wherever_it_stands(refit: Refit) -> None:
    for arguments in (("--debug", "retrain"), ("retrain", "--debug")):
        result = refit(*arguments)

        assert result.exit_code == 1
        assert "Traceback" in result.stderr
        assert result.stderr.splitlines()[-1].startswith("error: There is no enabled model type.")


@pytest.mark.parametrize("command", ["worker", "scheduler"])
@pytest.mark.parametrize("variable", ["DATABASE_URL", "REDIS_URL"])
def test_what_never_starts_a_server_names_the_missing_address(
    refit: Refit, tmp_path: Path, command: str, variable: str
) -> None:
    line = error_line(refit(command, **{variable: None}))

    assert f"{variable} is not set." in line
    assert "refit up" in line
    assert not (tmp_path / "home").exists()


def test_a_worker_without_an_artifact_store_names_the_variable(refit: Refit) -> None:
    assert "REFIT_ARTIFACTS_URL is not set." in error_line(
        refit("worker", REFIT_ARTIFACTS_URL=None)
    )


def test_a_setting_that_makes_no_sense_is_named(refit: Refit) -> None:
    assert re.search(r"\bPORT\b", error_line(refit("status", PORT="many")))


def test_a_supabase_project_without_its_database_address_is_told_which_one(refit: Refit) -> None:
    result = refit("status", DATABASE_URL=None, SUPABASE_URL="http://127.0.0.1:1")

    assert "DATABASE_URL is not set." in error_line(result)


def test_a_database_that_is_away_is_told_in_one_line(refit: Refit) -> None:
    result = refit("status", DATABASE_URL="postgresql://u:secret@127.0.0.1:9/x")

    assert "The database does not answer." in error_line(result)
    assert "secret" not in result.output


def test_a_database_without_migrations_says_how_to_apply_them(
    refit: Refit, empty_database_url: str
) -> None:
    assert "refit migrate" in error_line(refit("status", DATABASE_URL=empty_database_url))
