"""A real n8n with the workflow published, a real Refit, and what stands between and beside them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from core.domain import Role
from core.keys import hash_key, make_key
from core.n8n import hand_over
from core.settings import Settings
from core.webhooks.signing import make_secret
from tests.conftest import temporary_database, with_database
from tests.functions.served import ROOT, free_port, serving
from tests.n8n_live.install import folder_of, install, wanted_version
from tests.n8n_live.n8n import Execution, Installed, Json, N8n, Session
from tests.n8n_live.receivers import Door, SlackChannel, door, slack, until
from tests.worker.lab import DAY, Lab, Row, empty_queue, open_lab

WORKFLOW = ROOT / "workflows" / "ML_Auto_Retraining_Workflow.json"
HEADER = "X-Refit-Webhook"
PATH = "ml-retraining"
# Takes its time, so that there is something to wait for.
ENGINES = """
import time
from sklearn.linear_model import LogisticRegression

def make_slow():
    time.sleep(8)
    return LogisticRegression()

def make_endless():
    time.sleep(600)
"""
ENDED = {"success", "error", "crashed", "canceled"}


@dataclass(frozen=True, kw_only=True)
class Stand:
    """Everything together."""

    lab: Lab
    n8n: N8n
    door: Door
    slack: SlackChannel
    settings: Settings
    session: Session
    workflow_id: str

    def ask(
        self, *model_types: str, force: bool = False, by: str = "Ann", path: str = PATH
    ) -> None:
        """As the dashboard's manual trigger does it."""
        url = SecretStr(f"{self.n8n.address}/webhook/{path}")
        hand_over(
            self.settings.model_copy(update={"n8n_webhook_url": url}),
            model_types=model_types,
            force=force,
            requested_by=by,
            environment="production",
        )

    def run(self, *model_types: str, within: float = 180.0, **asked: Any) -> Execution:
        """One run of the workflow, ended."""
        before = {execution.id for execution in self.n8n.executions()}
        self.ask(*model_types, **asked)
        return self.ended(before, within=within)

    def ended(self, before: set[int], *, within: float = 180.0) -> Execution:
        """The run that was not there before, once it has ended."""

        def look() -> Execution | None:
            news = [e for e in self.n8n.executions() if e.id not in before]
            return news[0] if news and news[0].status in ENDED else None

        found: Execution = until(look, within=within, what=self.n8n.log[-5000:])
        return found

    def steps(self, execution: Execution) -> list[tuple[str, str]]:
        """What the run wrote into Refit's audit log: steps with their outcomes."""
        rows: list[Row] = self.lab.rows(
            "select action, detail, request_id from workflow_audit_logs"
            " where entity like 'ML Auto-Retraining%%' and entity_id = %s order by created_at",
            str(execution.id),
        )
        # Refit's audit log shows them beside what it did for the run itself.
        assert all(row["request_id"] == row["detail"]["detail"]["run_id"] for row in rows)
        return [(row["action"].removeprefix("event."), row["detail"]["outcome"]) for row in rows]


@pytest.fixture(scope="session")
def installed() -> Installed:
    """The n8n of REFIT_N8N_VERSION, installed when it is missing."""
    install(wanted_version())
    return Installed(folder=folder_of(wanted_version()))


@pytest.fixture(scope="session")
def stand(
    postgres_url: str,
    postgres_admin: psycopg.Connection,
    template_database: str,
    valkey_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    installed: Installed,
) -> Iterator[Stand]:
    folder = tmp_path_factory.mktemp("n8n")
    n8n = N8n(installed=installed, folder=folder, port=free_port(), broker_port=free_port())
    webhook_secret, key = secrets.token_urlsafe(32), make_key()
    settings = Settings(
        _env_file=None,
        N8N_WEBHOOK_URL=SecretStr(f"{n8n.address}/webhook/ml-retraining"),
        N8N_WEBHOOK_AUTH=SecretStr(f"{HEADER}: {webhook_secret}"),
    )
    artifacts = tmp_path_factory.mktemp("artifacts")
    (folder / "slow_engines.py").write_text(ENGINES, encoding="utf-8")
    variables = {
        "PYTHONPATH": str(folder),
        "REFIT_ENGINES": "slow_engines:make_slow,slow_engines:make_endless",
        "REFIT_WEBHOOK_SECRET": make_secret(),
        # What allows the callbacks: nothing else names this machine.
        "N8N_WEBHOOK_URL": f"{n8n.address}/webhook/ml-retraining",
    }
    with (
        temporary_database(postgres_admin, template=template_database) as name,
        open_lab(with_database(postgres_url, name), empty_queue(valkey_url), artifacts) as lab,
        lab.worker(folder, **variables),
        serving(folder, "main", **lab.variables(**variables)) as server,
        door(server.address) as opened,
        slack() as channel,
    ):
        lab.store.create_api_key(name="n8n", role=Role.OPERATOR, key_hash=hash_key(key))
        n8n.take_credentials(credentials(key, webhook_secret))
        with n8n.serving():
            session = Session(n8n)
            yield Stand(
                lab=lab,
                n8n=n8n,
                door=opened,
                slack=channel,
                settings=settings,
                session=session,
                workflow_id=session.publish(workflow(opened.address, channel.url)),
            )


@pytest.fixture(autouse=True)
def _open_door(request: pytest.FixtureRequest) -> None:
    """Each test begins with nothing in the way and nothing received."""
    if "stand" not in request.fixturenames:
        return
    stand: Stand = request.getfixturevalue("stand")
    stand.door.before = lambda _action: None
    stand.door.after = lambda _action: None
    stand.door.passed.clear()
    stand.slack.messages.clear()


def credentials(key: str, webhook_secret: str) -> list[Json]:
    """The two that docs/n8n.md asks for, as a person makes them."""
    made = {"Refit API key": ("X-API-Key", key), "Refit webhook": (HEADER, webhook_secret)}
    return [
        {
            "id": f"ofATest{number}",
            "name": name,
            "type": "httpHeaderAuth",
            "data": {"name": header, "value": value},
        }
        for number, (name, (header, value)) in enumerate(made.items())
    ]


def workflow(refit: str, slack_url: str, **filled: object) -> Json:
    """The workflow with its Config filled in, and nothing else changed."""
    content: Json = json.loads(WORKFLOW.read_text(encoding="utf-8"))
    (config,) = [node for node in content["nodes"] if node["name"] == "Config"]
    filled |= {"API_BASE_URL": f"{refit}/api", "SLACK_WEBHOOK": slack_url}
    for field in config["parameters"]["assignments"]["assignments"]:
        field["value"] = filled.get(field["name"], field["value"])
    return content


@pytest.fixture
def degraded(stand: Stand) -> Callable[..., str]:
    """Makes a model type whose champion met a world that has turned round."""

    def make(**changes: Any) -> str:
        name = stand.lab.model_type(stand.lab.table(400), **changes)
        stand.lab.champion(name)
        stand.lab.add_rows(stand.lab.table_of(name), 1600, over=2.5 * DAY, flipped=True)
        return name

    return make
