"""What Schemathesis makes of the OpenAPI document, asked of a real server: all its checks."""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import schemathesis
from psycopg.rows import dict_row
from schemathesis.checks import CHECKS
from schemathesis.config import (
    GenerationConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
)
from schemathesis.engine import StopReason, from_schema
from schemathesis.engine.events import EngineFinished, FatalError, NonFatalError, ScenarioFinished
from schemathesis.schemas import BaseSchema

from core.store import Store
from core.web.paging import mark_of
from functions.actions import ACTIONS
from tests.functions.served import Server, serving

Json = dict[str, Any]

SEED = 20261125
EXAMPLES = 12  # of each action, beside those that try its fields one by one
_numbers = itertools.count()


@dataclass(frozen=True, kw_only=True)
class Seeded:
    """What exists, so that what is asked for can be found."""

    name: str
    changed: str
    models: list[str]
    jobs: list[str]
    operation: str
    alert: str
    schedule: str
    cursor: str
    schedule_cursor: str


@pytest.fixture(scope="module")
def hasty_server(
    tmp_path_factory: pytest.TempPathFactory, module_database_url: str, module_redis_url: str
) -> Iterator[Server]:
    """One thread, so that nothing waits for the workers that are not there: 202 at once."""
    with serving(
        tmp_path_factory.mktemp("schemathesis"),
        "main",
        DATABASE_URL=module_database_url,
        REDIS_URL=module_redis_url,
        THREADS="1",
        REFIT_WEBHOOK_ALLOWED_HOSTS="receiver.example.org",
        REFIT_RATE_LIMIT_READS="999999/second",
        REFIT_RATE_LIMIT_WORK="999999/second",
        REFIT_RATE_LIMIT_FAILURES="999999/second",
    ) as server:
        yield server


@pytest.fixture(scope="module")
def seeded(
    store: Store,
    make_type: Callable[..., str],
    trained_model: Callable[..., str],
    module_database_url: str,
) -> Seeded:
    name, changed = make_type("seeded", replay=True), make_type("changed")
    models = [trained_model(name, deploy=True) for _ in range(2)]
    operation = str(store.request_check(model_types=[name]))
    with psycopg.connect(module_database_url, row_factory=dict_row) as connection:
        connection.execute(
            "select private.raise_alert(%s, 'production', 'data_quality', 'info', '.', null)",
            [name],
        )
        alert = connection.execute("select id from ml_alerts").fetchone()
    assert alert is not None
    return Seeded(
        name=name,
        changed=changed,
        models=models,
        jobs=[j["id"] for j in store.list_training_jobs(model_type=name)["items"]],
        operation=operation,
        alert=str(alert["id"]),
        schedule=store.list_schedules(model_type=changed)["items"][0]["id"],
        cursor=store.list_training_jobs(limit=1)["next_cursor"],
        schedule_cursor=store.list_schedules(limit=1)["next_cursor"],
    )


def narrowed(document: Json, seeded: Seeded) -> Json:
    """The document of a server on which just this exists.

    Which model types, models and jobs there are, which columns a table has and which time zones
    are known is not for a document that everybody may read: what it allows is found out by asking.
    """

    def body(name: str, /, **fields: Json) -> None:
        document["components"]["schemas"][name]["properties"].update(fields)

    def query(field: str, choices: list[str], *actions: str) -> None:
        for action in actions:
            for parameter in document["paths"][f"/{action}"]["get"]["parameters"]:
                if parameter["name"] == field:
                    parameter["schema"] = {"type": "string", "enum": choices}

    def some(values: list[str]) -> Json:
        chosen = {"type": "array", "items": {"enum": values}, "minItems": 1}
        return {"anyOf": [chosen, {"type": "null"}]}

    named = some([seeded.name])
    hook = {"enum": ["https://receiver.example.org/hook", None]}
    body("TriggerRetraining", model_types=named, webhook_url=hook)
    body("CheckPerformance", model_types=named)
    ids = some(seeded.models)
    body("ValidateModels", model_types=named, model_ids=ids, job_ids=some(seeded.jobs))
    body("DeployModel", model_types=named, model_ids=ids)
    body("RollbackModel", model_type={"enum": [seeded.name]})
    cron = {"enum": ["0 */4 * * *", "30 3 * * 0", "59 23 31 12 *"]}
    zone = {"enum": ["UTC", "Europe/Amsterdam"]}
    body("CreateSchedule", model_type={"enum": [seeded.changed]}, cron=cron, time_zone=zone)
    # Later than now, however long the run takes.
    until = {"enum": [(datetime.now(UTC) + timedelta(days=7)).isoformat()]}
    body("SnoozeAlert", id={"enum": [seeded.alert]}, until=until)
    body("UpdateSchedule", id={"enum": [seeded.schedule]}, cron=cron, time_zone=zone)
    metric = {"enum": ["accuracy", "f1", "roc_auc", "log_loss"]}
    body("UpdateModelType", name={"enum": [seeded.changed]}, metric=metric)
    schemas = document["components"]["schemas"]
    for action, thing in (
        ("cancel_job", seeded.operation),
        ("acknowledge_alert", seeded.alert),
    ):
        content = document["paths"][f"/{action}"]["post"]["requestBody"]["content"]
        own = {**schemas["Identified"], "properties": {"id": {"enum": [thing]}}}
        content["application/json"]["schema"] = own
    query("id", seeded.jobs, "job")
    query("id", [seeded.operation], "operation")
    lists = ("models", "metrics", "history", "deployments", "schedules", "alerts", "audit")
    query("model_type", [seeded.name], *lists)
    for name in lists:
        place = seeded.schedule_cursor if name == "schedules" else seeded.cursor
        query("cursor", [mark_of(name) + place], name)
    return document


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What became of each action's requests."""

    requests: Counter[str]
    checks: set[str]
    failures: dict[str, list[str]]


@pytest.fixture(scope="module")
def findings(
    hasty_server: Server, keys: dict[str, str], seeded: Seeded, consistent_requests: None
) -> Findings:
    """All phases with all checks, once for all tests."""
    schema = load(hasty_server, keys["admin"], seeded)
    requests: Counter[str] = Counter()
    ran: set[str] = set()
    failures: dict[str, list[str]] = defaultdict(list)
    for event in from_schema(schema).execute():
        if isinstance(event, NonFatalError):
            failures[event.label].append(str(event.value))
        elif isinstance(event, FatalError):
            raise event.exception
        elif isinstance(event, ScenarioFinished):
            requests.update(node.value.operation.label for node in event.recorder.cases.values())
            for checks in event.recorder.checks.values():
                for check in checks:
                    ran.add(check.name)
                    if check.failure_info is not None:
                        failure = check.failure_info.failure
                        label = str(failure.operation or event.recorder.label)
                        failures[label].append(
                            f"{check.name}: {failure.title}: {failure.message}\n"
                            f"{check.failure_info.code_sample}"
                        )
        elif isinstance(event, EngineFinished):
            assert event.stop_reason is StopReason.COMPLETED
            for failure in event.failures:
                failures[str(failure.operation)].append(failure.message)
    return Findings(requests=requests, checks=ran, failures=failures)


def load(server: Server, key: str, seeded: Seeded) -> BaseSchema:
    project = ProjectConfig(
        base_url=server.address,
        headers={"X-API-Key": key},
        generation=GenerationConfig(
            max_examples=EXAMPLES,
            deterministic=True,
            # PostgreSQL's jsonb has no U+0000, and JSON Schema cannot say that of nested texts.
            allow_x00=False,
        ),
    )
    config = SchemathesisConfig(seed=SEED, projects=ProjectsConfig(default=project))
    document = narrowed(server.get("openapi").body, seeded)
    return schemathesis.openapi.from_dict(document, config=config)


@pytest.fixture(scope="module")
def consistent_requests() -> Iterator[None]:
    """Mend what is wrong by chance and what no document can forbid."""

    def before_call(_: schemathesis.HookContext, case: schemathesis.Case[Any], __: Json) -> None:
        body = case.body
        once = str(case.headers["Idempotency-Key"]) if "Idempotency-Key" in case.headers else ""
        if re.fullmatch(r"[!-~]{1,200}", once):
            # The same key, chosen again for another body, is refused.
            case.headers["Idempotency-Key"] = f"{once}-{next(_numbers)}"
        features = body.get("feature_columns") if isinstance(body, dict) else None
        if case.path == "/create_model_type" and isinstance(body, dict) and features:
            # A target, or its time, among the features is refused.
            for field in ("target_column", "label_time_column"):
                if isinstance(features, list) and body.get(field) in features:
                    body[field] = f"not_among_{len(features)}_features"

    schemathesis.hook(before_call)
    yield
    schemathesis.hooks.unregister(before_call)


@pytest.mark.parametrize("action", ACTIONS)
def test_every_answer_keeps_to_the_document(findings: Findings, action: str) -> None:
    label = f"{ACTIONS[action].form.method} /{action}"

    assert not findings.failures[label], "\n\n".join(findings.failures[label])
    assert findings.requests[label] > 2


def test_every_check_was_made(findings: Findings) -> None:
    # How long an answer may take is measured elsewhere, on a quiet machine.
    assert findings.checks == {*CHECKS.get_all_names()} - {"max_response_time"}


def test_nothing_else_was_found(findings: Findings) -> None:
    known = {f"{f.form.method} /{action}" for action, f in ACTIONS.items()}

    assert {label for label, found in findings.failures.items() if found} <= known
