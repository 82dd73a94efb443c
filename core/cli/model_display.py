"""Checks, validations and deployments as a person reads them."""

from __future__ import annotations

from typing import Any

from core.cli.output import interval_text, number, print_table, say

Json = dict[str, Any]


def deployment_sentence(deployment: Json) -> str:
    """Which version serves where.

    >>> deployment_sentence({"model_type": "churn", "model_version": 2,
    ...     "environment": "production", "serves": "final_fit"})
    'churn version 2 serves production (final fit).'
    """
    fit = deployment["serves"].replace("_", " ")
    return (
        f"{deployment['model_type']} version {deployment['model_version']} serves "
        f"{deployment['environment']} ({fit})."
    )


def show_checks(result: Json) -> None:
    """A line for each check, then its reason."""
    results = result["results"]
    print_table(
        ("model type", "verdict", "metric", "#reference", "#now", "#drop", "#rows"),
        [
            (
                r["model_type"],
                r["verdict"].replace("_", " "),
                r["metric"],
                number(r["baseline"]),
                number(r["current"]),
                number(r["degradation"]),
                r["samples"],
            )
            for r in results
        ],
    )
    for r in results:
        advice = " → retrain" if r["needs_retraining"] else ""
        say(f"{r['model_type']}: {r['reason']}{advice}")


def show_validations(result: Json) -> None:
    """Each judgement, gate by gate."""
    for r in result["results"]:
        gain = "" if r["improvement"] is None else f", improvement {number(r['improvement'])}"
        interval = interval_text(r["confidence_interval"], "90 %")
        say(f"{r['model_type']} version {r['model_version']}: {r['verdict']}{gain}{interval}")
        print_table(
            ("gate", "passed", "detail"),
            [
                (g["name"].replace("_", " "), "yes" if g["passed"] else "no", g["detail"])
                for g in r["gates"]
            ],
        )
        say(r["reason"])


def show_deployments(result: Json) -> None:
    """What serves now."""
    for deployment in result["deployments"]:
        unchanged = "" if deployment["changed"] else " It did already."
        say(deployment_sentence(deployment) + unchanged)
