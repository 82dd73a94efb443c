"""A run that n8n starts by itself, in a copy whose schedule comes round sooner."""

from __future__ import annotations

from tests.n8n_live.conftest import ENDED, Stand, workflow
from tests.n8n_live.receivers import until


def test_the_schedule_starts_a_run_that_says_so(stand: Stand) -> None:
    # Refit would check every model type of the other tests: it need not hear of this.
    stand.door.before = lambda _action: 503
    copy = workflow(stand.door.address, stand.slack.url)
    for node in copy["nodes"]:
        if node["name"] == "Manual Webhook":
            node["parameters"]["path"] = "on-a-schedule"
        elif node["name"] == "Cron Trigger":
            (rule,) = node["parameters"]["rule"]["interval"]
            rule["expression"] = "*/20 * * * * *"
    before = {execution.id for execution in stand.n8n.executions()}

    made = stand.session.publish(copy)
    until(lambda: len(stand.n8n.executions()) > len(before), within=60, what=stand.n8n.log[-3000:])
    stand.session.post(f"/rest/workflows/{made}/deactivate", {})
    execution = stand.ended(before)

    assert (execution.status, execution.mode) == ("success", "trigger")
    until(
        lambda: all(e.status in ENDED for e in stand.n8n.executions()),
        within=60,
        what="a run goes on",
    )
    assert "Found by the check that n8n asks for on a schedule." in stand.slack.messages[0]
    (asked,) = execution.output("Prepare Run")
    assert (asked["model_types"], asked["force"], asked["environment"]) == (None, False, None)
