"""The page about the API: its commands work, and it names every action."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from core.errors import RefitError
from core.store import Store
from functions.actions import ACTIONS
from tests.functions.served import ROOT, Server

PAGE = (ROOT / "docs" / "api.md").read_text()
COMMANDS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
ROWS = re.findall(r"^\| (GET|POST) (`[^|]*) \| ([^|]*) \|", PAGE, re.MULTILINE)


def test_the_page_has_every_action_with_its_method_and_role() -> None:
    listed = {
        name: (method, role.split(";")[0].strip())
        for method, names, role in ROWS
        for name in re.findall(r"`(\w+)`", names)
    }

    assert listed == {
        name: (f.form.method, str(f.form.role or "none")) for name, f in ACTIONS.items()
    }


def test_the_page_has_every_error_that_a_request_can_meet() -> None:
    classes = [RefitError]
    for cls in classes:
        # The command line has errors of its own, where it is loaded.
        classes += [c for c in cls.__subclasses__() if c.__module__ == RefitError.__module__]
    # Workers and the command line meet these; no request does.
    others = {"lease_lost", "queue_unavailable", "artifact_store_unavailable", "embedded_server"}
    # People meet these on pages.
    others |= {"sign_in_link_not_valid", "sign_in_refused", "sign_in_unavailable"}
    others |= {"upstream_failed"}

    missing = {cls.problem for cls in classes if f"`{cls.problem}`" not in PAGE}

    assert missing == others


@pytest.fixture(scope="module")
def answers(
    server: Server, keys: dict[str, str], make_type: Callable[..., str], store: Store
) -> list[Any]:
    """What each command of the page prints, one after the other."""
    make_type("churn")
    operation = str(store.request_check(model_types=["churn"]))
    variables = {"REFIT_KEY": keys["admin"], "OPERATION_ID": operation}
    printed = []
    for command in COMMANDS:
        done = subprocess.run(
            ["sh", "-ec", command.replace("http://localhost:3000", server.address)],
            env={"PATH": os.environ["PATH"], **variables},
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        printed.append(json.loads(done.stdout))
    return printed


@pytest.mark.parametrize("number", range(len(COMMANDS)))
def test_a_command_of_the_page_works(answers: list[Any], number: int) -> None:
    assert "urn:refit:problem" not in str(answers[number].get("type")), answers[number]
