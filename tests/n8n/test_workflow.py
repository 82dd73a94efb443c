"""The n8n workflow as a file: what can be known to be right without an n8n."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cronsim import CronSim

from functions.actions import ACTIONS
from tests.functions.served import ROOT

Json = dict[str, Any]
WORKFLOW: Json = json.loads(
    (ROOT / "workflows" / "ML_Auto_Retraining_Workflow.json").read_text(encoding="utf-8")
)
# What two versions of n8n say of their nodes; tests/n8n_live/node_facts.py writes it.
FACTS: Json = json.loads(Path(__file__).with_name("node_facts.json").read_text(encoding="utf-8"))
NODES: dict[str, Json] = {node["name"]: node for node in WORKFLOW["nodes"]}
WORKING = {name: node for name, node in NODES.items() if not node["type"].endswith("stickyNote")}
ASKING = {
    name: node
    for name, node in WORKING.items()
    if ".API_BASE_URL" in node["parameters"].get("url", "")
}
# The ten steps of the specification; some are several nodes.
STEPS = {
    *("Cron Trigger", "Manual Webhook", "Config", "Performance Check", "Decision Node"),
    *("Trigger Retraining", "Wait for Training", "Validation", "Deploy Models"),
    *("Success Notification", "Slack", "Email", "Error Handler", "Error Trigger", "Audit Logger"),
}
ADDRESSES = {"DASHBOARD_URL", "API_BASE_URL", "SLACK_WEBHOOK", "EMAIL_SMTP_FROM", "EMAIL_SMTP_TO"}
# n8n sleeps, and can be woken, from 65 seconds on.
AWAKE_BELOW_S = 65


def texts(value: Any) -> Iterator[str]:
    """Every text in a part of the workflow."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from texts(part)
    elif isinstance(value, str):
        yield value


def expressions(node: Json) -> Iterator[str]:
    """What stands between ``{{`` and the first ``}}``, as n8n cuts it out."""
    for text in texts(node["parameters"]):
        if text.startswith("="):
            yield from re.findall(r"\{\{(.*?)\}\}", text, flags=re.DOTALL)


def edges() -> Iterator[tuple[str, int, str]]:
    """Every connection: from which node, from which of its outputs, to which node."""
    for source, kinds in WORKFLOW["connections"].items():
        assert set(kinds) == {"main"}
        for output, targets in enumerate(kinds["main"]):
            for target in targets:
                assert (target["type"], target["index"]) == ("main", 0)
                yield source, output, target["node"]


def outputs(node: Json) -> int:
    """How many outputs a node has."""
    kind, parameters = node["type"].removeprefix("n8n-nodes-base."), node["parameters"]
    if kind == "switch":
        return len(parameters["rules"]["values"]) + 1
    return 2 if kind == "if" or node.get("onError") == "continueErrorOutput" else 1


def body_fields(name: str) -> set[str]:
    """The fields of the body that a node sends."""
    body = ASKING[name]["parameters"]["jsonBody"].rpartition("return {")[2]
    indent = min(re.findall(r"^ +(?=\w+:)", body, flags=re.MULTILINE), key=len)
    fields = re.findall(rf"^{indent}(\w+):", body, flags=re.MULTILINE)
    assert fields, name
    return set(fields)


# Structure ---------------------------------------------------------------------------------


def test_all_steps_are_there_and_no_two_nodes_share_a_name_or_an_id() -> None:
    assert NODES.keys() >= STEPS
    assert len(NODES) == len(WORKFLOW["nodes"])
    ids = [UUID(node["id"]) for node in WORKFLOW["nodes"]]
    assert len(set(ids)) == len(ids)
    hooks = [node["webhookId"] for node in WORKFLOW["nodes"] if "webhookId" in node]
    assert len(set(hooks)) == len(hooks)


def test_connections_lead_from_outputs_that_exist_to_nodes_that_exist() -> None:
    for source, output, target in edges():
        assert target in WORKING, (source, target)
        assert output < outputs(WORKING[source]), (source, output)


def test_every_node_is_reached_from_a_trigger_and_no_output_but_of_an_if_leads_nowhere() -> None:
    triggers = {"Cron Trigger", "Manual Webhook", "Error Trigger"}
    reached, layer = set(triggers), set(triggers)
    while layer:
        layer = {target for source, _, target in edges() if source in layer} - reached
        reached |= layer
    assert reached == WORKING.keys()
    used = {(source, output) for source, output, _ in edges()}
    for name, node in WORKING.items():
        if not node["type"].endswith(".if") and name != "Audit Logger":
            assert all((name, output) in used for output in range(outputs(node))), name


def test_what_goes_wrong_reaches_the_error_handler() -> None:
    caught = {(source, output) for source, output, target in edges() if target == "Error Handler"}

    steps = ("Performance Check", "Trigger Retraining", "Validation", "Deploy Models")
    assert {(name, 1) for name in steps} <= caught
    for name in ("Decision Node", "Validation Result", "Deployment Result"):
        assert (name, outputs(NODES[name]) - 1) in caught  # not done in time
    rules = NODES["Training Result"]["parameters"]["rules"]["values"]
    ends = [rule["outputKey"] for rule in rules] + ["timed out"]
    assert ends == ["succeeded", "failed", "skipped", "cancelled", "timed out"]
    told = {ends[output] for source, output in caught if source == "Training Result"}
    assert told == {"failed", "cancelled", "timed out"}


def test_a_loop_ends() -> None:
    for name in ("Decision Node", "Validation Result", "Deployment Result"):
        again = [
            rule["conditions"]["conditions"][0]["leftValue"]
            for rule in NODES[name]["parameters"]["rules"]["values"]
            if rule["outputKey"] == "not done yet"
        ]
        assert len(again) == 1, name
        assert re.search(r"\$runIndex < \d+", again[0]), name
    assert (
        "keep_waiting: open > 0 && Date.now() < latest"
        in (NODES["Training Outcomes"]["parameters"]["jsonOutput"])
    )


def test_only_the_wait_for_trainings_can_be_woken() -> None:
    waits = {n: node["parameters"] for n, node in WORKING.items() if node["type"].endswith(".wait")}
    waking = waits.pop("Wait for Training")

    assert (waking["resume"], waking["httpMethod"], waking["limitWaitTime"]) == (
        *("webhook", "POST"),
        True,
    )
    for name, pause in waits.items():
        assert (pause["unit"], pause["amount"] < AWAKE_BELOW_S) == ("seconds", True), name


# Node types --------------------------------------------------------------------------------


@pytest.mark.parametrize("version", sorted(FACTS))
def test_n8n_knows_every_node_and_is_given_what_it_needs(version: str) -> None:
    for name, node in NODES.items():
        known = FACTS[version].get(node["type"])
        assert known, f"{name}: n8n {version} has no {node['type']}"
        assert node["typeVersion"] in known["versions"], name
        facts = known["parameters"][str(node["typeVersion"])]
        assert node["parameters"].keys() <= set(facts["known"]), name
        for needed, conditions in facts["needed"].items():
            if any(_is_shown(node["parameters"], shown) for shown in conditions):
                assert node["parameters"].get(needed) not in (None, ""), (name, needed)


def _is_shown(parameters: Json, conditions: Json) -> bool:
    return all(
        parameters.get(key.removeprefix("/")) in wanted for key, wanted in conditions.items()
    )


# Expressions -------------------------------------------------------------------------------


def test_each_expression_ends_where_n8n_sees_its_end() -> None:
    for name, node in WORKING.items():
        for text in texts(node["parameters"]):
            if not text.startswith("="):
                assert "{{" not in text, f"{name}: an expression begins with ="
                continue
            left = re.sub(r"\{\{.*?\}\}", "", text, flags=re.DOTALL)
            assert not re.search(r"\{\{|\}\}", left), name
        for expression in expressions(node):
            code = re.sub(r"'(?:\\.|[^'\\])*'", "''", expression)
            assert _is_balanced(code), f"{name}: {expression}"


def _is_balanced(code: str) -> bool:
    closing, open_ones = {")": "(", "]": "[", "}": "{"}, []
    for character in code:
        if character in "([{":
            open_ones.append(character)
        elif character in closing and (not open_ones or open_ones.pop() != closing[character]):
            return False
    return not open_ones


def test_expressions_name_nodes_that_exist() -> None:
    named = {
        name
        for node in WORKING.values()
        for expression in expressions(node)
        for name in re.findall(r"\$\('([^']*)'\)", expression)
    }

    assert named <= WORKING.keys()
    assert {"Config", "Prepare Run", "Trigger Retraining"} <= named


def test_no_expression_uses_what_n8n_denies_or_cannot_parse() -> None:
    for name, node in WORKING.items():
        for expression in expressions(node):
            assert not re.search(r"\$(env|vars|secrets)\b|\$node\b", expression), name
            assert "`" not in expression, f"{name}: ?. does not parse in a template literal"


# Asking Refit ------------------------------------------------------------------------------


def test_refit_is_asked_for_actions_and_fields_that_it_has() -> None:
    asked = {}
    for name, node in ASKING.items():
        query = {p["name"]: p["value"] for p in node["parameters"]["queryParameters"]["parameters"]}
        form = ACTIONS[query.pop("action")].form
        asked[name] = form.action
        assert node["parameters"]["method"] == form.method, name
        known = set(form.parameters.model_fields)
        assert (set(query) if form.method == "GET" else body_fields(name)) <= known, name

    assert asked == {
        "Performance Check": "check_performance",
        "Trigger Retraining": "trigger_retraining",
        "Look at Jobs": "history",
        "Validation": "validate_models",
        "Deploy Models": "deploy_model",
        "Audit Logger": "record_event",
    }


def test_refit_trains_only_and_tells_nobody() -> None:
    trigger = NODES["Trigger Retraining"]["parameters"]["jsonBody"]
    for line in ("auto_validate: false,", "auto_deploy: false,", "notify: false,"):
        assert line in trigger
    assert "webhook_url: $execution.resumeUrl," in trigger
    assert "notify: false," in NODES["Deploy Models"]["parameters"]["jsonBody"]


def test_whatever_is_asked_twice_is_done_once() -> None:
    keys = {}
    for name, node in ASKING.items():
        assert node["retryOnFail"], name
        assert 2 <= node["maxTries"] <= 5, name
        assert node["waitBetweenTries"] <= 5000, name
        headers = {
            p["name"]: p["value"] for p in node["parameters"]["headerParameters"]["parameters"]
        }
        assert headers["X-Request-Id"] == "={{ $('Prepare Run').first().json.run_id }}"
        if node["parameters"]["method"] == "POST":
            keys[name] = headers["Idempotency-Key"]
            assert ".run_id + ':" in keys[name]

    assert len(set(keys.values())) == len(keys) == 5
    assert "$execution.id" in NODES["Prepare Run"]["parameters"]["jsonOutput"]


# Settings and secrets ----------------------------------------------------------------------


def test_it_runs_every_four_hours_by_utc_and_is_not_active_when_it_is_imported() -> None:
    crons = [
        rule["expression"]
        for node in WORKING.values()
        if node["type"].endswith(".scheduleTrigger")
        for rule in node["parameters"]["rule"]["interval"]
    ]

    assert crons == ["0 */4 * * *"]
    for cron in crons:
        assert len(cron.split()) == 5
        assert next(CronSim(cron, datetime(2026, 1, 1, 1, tzinfo=UTC))).hour == 4
    assert WORKFLOW["settings"]["timezone"] == "UTC"
    assert WORKFLOW["active"] is False
    assert WORKFLOW["pinData"] == {}


def test_the_webhook_asks_for_a_header() -> None:
    webhook = NODES["Manual Webhook"]["parameters"]

    assert (webhook["path"], webhook["httpMethod"]) == ("ml-retraining", "POST")
    assert webhook["authentication"] == "headerAuth"
    assert NODES["Manual Webhook"]["credentials"]["httpHeaderAuth"]["name"] == "Refit webhook"


def test_credentials_are_named_and_nothing_else() -> None:
    named = {
        (kind, credential["name"])
        for node in WORKING.values()
        for kind, credential in node.get("credentials", {}).items()
        if credential["id"] is None
    }
    every = [c for node in WORKING.values() for c in node.get("credentials", {}).values()]

    assert named == {
        ("httpHeaderAuth", "Refit API key"),
        ("httpHeaderAuth", "Refit webhook"),
        ("smtp", "Refit mail"),
    }
    assert all(credential.keys() == {"id", "name"} for credential in every)
    # What has no credential would not publish.
    assert NODES["Email"]["disabled"] is True
    for name, node in ASKING.items():
        assert node["credentials"]["httpHeaderAuth"]["name"] == "Refit API key", name


def test_config_has_the_specifications_names_and_no_secret() -> None:
    fields = {
        field["name"]: field["value"]
        for field in NODES["Config"]["parameters"]["assignments"]["assignments"]
    }

    assert fields.keys() >= ADDRESSES
    assert fields["SLACK_WEBHOOK"] == ""
    notes = [
        node["parameters"]["content"] for node in NODES.values() if node not in WORKING.values()
    ]
    for name in fields:
        assert any(f"`{name}`" in note for note in notes), name


def test_nothing_looks_like_a_secret() -> None:
    suspicious = re.compile(
        r"rft_|whsec_|xox[abp]-|hooks\.slack\.com|Bearer |[0-9a-f]{32}|[A-Za-z0-9+_-]{40,}"
    )
    for name, node in NODES.items():
        for text in texts(node["parameters"]):
            assert not suspicious.search(text), (name, text)
