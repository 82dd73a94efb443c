"""`refit status`: the overview."""

from __future__ import annotations

from typing import Any

import typer

from core.cli.options import InEnvironment, JsonOutput
from core.cli.output import local_time, number, print_json, print_table, say
from core.cli.session import open_session
from core.cli.workers import is_seen

Json = dict[str, Any]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status")(status)


def status(environment: InEnvironment = None, as_json: JsonOutput = False) -> None:
    """What serves, what is being trained, what comes next, and what needs somebody."""
    with open_session() as session:
        found = session.store.get_status(session.environment(environment))
    if as_json:
        print_json(found)
        return
    _print_champions(found)
    _print_jobs(found)
    _print_next_runs(found)
    _print_alerts(found)
    _print_figures(found)


def _print_champions(found: Json) -> None:
    if not found["champions"]:
        say(f"No model serves {found['environment']} yet.")
        return
    say(f"Serving {found['environment']}:")
    print_table(
        ("model type", "#version", "fit", "metric", "#value", "since"),
        [
            (
                d["model_type"],
                d["model_version"],
                d["serves"].replace("_", " "),
                d["reference"]["metric"],
                number(d["reference"]["value"]),
                local_time(d["valid_from"]),
            )
            for d in found["champions"]
        ],
    )


def _print_jobs(found: Json) -> None:
    if not found["active_jobs"]:
        return
    say("Training:")
    print_table(
        ("job", "model type", "stage", "#done"),
        [
            (j["id"], j["model_type"], j["stage"].replace("_", " "), f"{j['progress']:.0%}")
            for j in found["active_jobs"]
        ],
    )


def _print_next_runs(found: Json) -> None:
    if not found["next_runs"]:
        return
    say("Next:")
    print_table(
        ("when", "model type", "what"),
        [
            (local_time(r["next_run_at"]), r["model_type"], r["kind"].replace("_", " "))
            for r in found["next_runs"]
        ],
    )


def _print_alerts(found: Json) -> None:
    if not found["open_alerts"]:
        return
    say("Alerts:")
    print_table(
        ("severity", "model type", "message", "last seen"),
        [
            (a["severity"], a["model_type"], a["message"], local_time(a["last_seen_at"]))
            for a in found["open_alerts"]
        ],
    )


def _print_figures(found: Json) -> None:
    models, queue = found["models"], found["queue"]
    say(
        f"Models: {models['total']} trained, {models['approved']} approved, "
        f"{models['rejected']} rejected, {models['quarantined']} quarantined."
    )
    rate, gain = found["success_rate"], found["average_improvement"]
    if rate is not None:
        say(f"Of the last 30 days' trainings {rate:.0%} succeeded.")
    if gain is not None:
        say(f"A deployed challenger was better by {number(gain)} on average.")
    say(f"In the queue: trainings {queue['jobs']}, operations {queue['operations']}.")
    for kind in ("worker", "scheduler"):
        if not is_seen(found, kind):
            say(f"No {kind} is running: `refit up` or `refit {kind}` starts one.")
