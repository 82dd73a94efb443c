"""How the functions are loaded: quickly, lazily, each by itself too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.functions.served import PATH, ROOT, free_port, serving

HEAVY = {"adbc_driver_manager", "numpy", "obstore", "pandas", "pyarrow", "sklearn", "supabase"}
# What only some requests need: a token, a callback, a schedule, figures.
NOT_YET = {"apscheduler", "cronsim", "httpx", "jwt", "prometheus_client", "standardwebhooks"}


@pytest.mark.parametrize("path", sorted((ROOT / "functions").glob("*.py")), ids=lambda p: p.stem)
def test_a_function_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 60


def test_a_request_loads_no_machine_learning(
    module_database_url: str, module_redis_url: str, keys: dict[str, str]
) -> None:
    script = f"""
import sys
from flask import Flask, request
from functions.main import main
app = Flask("test")
with app.test_request_context("/status", headers={{"X-API-Key": sys.argv[1]}}):
    response = main(request)
assert response.status_code == 200, response.data
late = {HEAVY | NOT_YET!r} & sys.modules.keys()
assert not late, late
from core.web import close_services
close_services()
"""
    subprocess.run(
        [sys.executable, "-c", script, keys["viewer"]],
        cwd=ROOT,
        env={"DATABASE_URL": module_database_url, "REDIS_URL": module_redis_url},
        check=True,
        timeout=60,
    )


def test_an_action_is_served_as_a_target_of_its_own(
    tmp_path: Path, module_database_url: str, module_redis_url: str, keys: dict[str, str]
) -> None:
    with serving(
        tmp_path,
        "check_performance",
        DATABASE_URL=module_database_url,
        REDIS_URL=module_redis_url,
    ) as server:
        answers = [
            server.ask("POST", path, b'{"time_window": 0}', key=keys["operator"])
            for path in ("/", "/check_performance", f"{PATH}?action=check_performance")
        ]
        other = server.post("trigger_retraining", {}, key=keys["operator"])
        wrong = server.ask("GET", "/", key=keys["operator"])

    assert [(a.status, a.fields) for a in answers] == [(422, {"time_window"})] * 3
    assert (other.status, other.fields) == (422, {"action"})
    assert wrong.status == 405


def test_the_dashboard_is_served_as_a_target_of_its_own(
    tmp_path: Path, module_database_url: str, module_redis_url: str
) -> None:
    with serving(
        tmp_path,
        "dashboard",
        DATABASE_URL=module_database_url,
        REDIS_URL=module_redis_url,
        REFIT_SESSION_SECRET="x" * 32,
    ) as server:
        page = server.ask("GET", "/nl/ml-training/sign-in")
        action = server.post("check_performance", {})

    assert (page.status, page.headers.get_content_type()) == (200, "text/html")
    assert 'lang="nl"' in page.text
    assert action.status == 404


@pytest.mark.parametrize(
    ("variables", "missing"),
    [
        ({}, "DATABASE_URL"),
        ({"SUPABASE_URL": "https://example.supabase.co"}, "DATABASE_URL"),
        ({"DATABASE_URL": f"postgresql://refit@127.0.0.1:{free_port()}/refit"}, "REDIS_URL"),
    ],
)
def test_a_missing_address_is_named(
    variables: dict[str, str], missing: str, tmp_path: Path
) -> None:
    script = """
from flask import Flask, request
from functions.main import main
app = Flask("test")
with app.test_request_context("/status"):
    response = main(request)
print(response.status_code, response.get_json()["type"], response.get_json()["detail"])
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout.startswith("500 urn:refit:problem:configuration ")
    assert missing in done.stdout
