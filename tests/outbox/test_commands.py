"""`refit alerts`: what stands, who looks after it, and hearing nothing of it for a while."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.conftest import Refit, addresses, clean_environ, refit
from tests.database.factories import Row, Scene
from tests.outbox.outbox import Outbox

__all__ = ["addresses", "clean_environ", "refit"]  # fixtures


def test_the_list_shows_what_stands_and_on_demand_what_is_over(
    scene: Scene, outbox: Outbox, champion: Row, refit: Refit
) -> None:
    outbox.check(champion)
    outbox.check(champion)
    (alert,) = scene.alerts()

    table = refit("alerts", "list", COLUMNS="80")
    assert refit("alerts", COLUMNS="80").stdout == table.stdout
    (item,) = json.loads(refit("alerts", "list", "churn", "--json").stdout)["items"]
    outbox.check(champion, "healthy")

    assert str(alert["id"]) in table.stdout
    assert "Accuracy fell from 0.80 to 0.70." in table.stdout
    assert "seen 2 times" in table.stdout
    assert (item["id"], item["occurrences"]) == (str(alert["id"]), 2)
    assert json.loads(refit("alerts", "list", "--json").stdout) == {"items": []}
    assert "No alert stands" in refit("alerts", "list").stderr
    assert "resolved since" in refit("alerts", "list", "--all").stdout


def test_an_alert_is_acknowledged_by_its_id(
    scene: Scene, outbox: Outbox, champion: Row, refit: Refit
) -> None:
    outbox.check(champion)
    (alert,) = scene.alerts()

    result = refit("alerts", "acknowledge", str(alert["id"]))

    assert result.exit_code == 0, result.output
    assert "Acknowledged" in result.stdout
    assert [a["status"] for a in scene.alerts()] == ["acknowledged"]


@pytest.mark.parametrize(
    ("span", "time"),
    [
        ("30m", timedelta(minutes=30)),
        ("8h", timedelta(hours=8)),
        ("2d", timedelta(days=2)),
    ],
)
def test_an_alert_is_snoozed_for_a_time(
    scene: Scene, outbox: Outbox, champion: Row, refit: Refit, span: str, time: timedelta
) -> None:
    outbox.check(champion)
    (alert,) = scene.alerts()

    result = refit("alerts", "snooze", str(alert["id"]), "--for", span, "--json")

    until = datetime.fromisoformat(json.loads(result.stdout)["alert"]["snoozed_until"])
    assert abs(until - datetime.now(UTC) - time) < timedelta(minutes=1)
    assert "snoozed until" in refit("alerts", "list").stdout


@pytest.mark.parametrize("span", ["8", "0h", "-1h", "8 hours", "1w"])
def test_a_time_that_is_none_is_refused(refit: Refit, span: str) -> None:
    result = refit("alerts", "snooze", "00000000-0000-4000-8000-000000000001", "--for", span)

    assert result.exit_code == 2
    assert "30m, 8h or 2d" in result.stderr
