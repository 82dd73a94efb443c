"""The node Email, switched on as docs/n8n.md says, with a real mail server."""

from __future__ import annotations

from tests.n8n_live.conftest import Stand, workflow
from tests.notifications.smtp_receiver import mail_server


def test_mail_goes_out_once_the_node_is_switched_on(stand: Stand) -> None:
    with mail_server() as server:
        stand.n8n.take_credentials(
            [
                {
                    "id": "ofATestMail",
                    "name": "Refit mail",
                    "type": "smtp",
                    "data": {
                        "host": "127.0.0.1",
                        "port": server.port,
                        "secure": False,
                        "disableStartTls": True,
                        "user": "",
                        "password": "",
                    },
                }
            ]
        )
        addresses = {"EMAIL_SMTP_FROM": "n8n@example.org", "EMAIL_SMTP_TO": "ops@example.org"}
        copy = workflow(stand.door.address, "", **addresses)
        for node in copy["nodes"]:
            if node["name"] == "Manual Webhook":
                node["parameters"]["path"] = "with-mail"
            elif node["name"] == "Email":
                del node["disabled"]
        stand.session.publish(copy)

        execution = stand.run("no_such_type", path="with-mail")

    assert execution.status == "success"
    (received,) = server.received
    assert (received.sender, received.recipients) == ("n8n@example.org", ["ops@example.org"])
    assert received.mail["Subject"] == "Refit: retraining needs a look"
    assert "There is no model type no_such_type" in received.part("plain")
    assert ("Email", "ok") in stand.steps(execution)
    assert "Slack" not in execution.runs
