"""A backtest's policies, actions and findings in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.explanations.metrics import metric_name, show_metric
from core.explanations.words import Words

# As they are shown; a stored report has them in no order.
POLICIES = ("refit", "never", "every_step", "naive")


def shown_policies(report: Mapping[str, Any]) -> list[str]:
    """The policies that were replayed, Refit's own first."""
    return [policy for policy in POLICIES if policy in report["policies"]]


def policy_label(words: Words, policy: str) -> str:
    """A way to keep a model fresh, by name."""
    _ = words.gettext
    labels = {
        "never": _("Never retrained"),
        "refit": "Refit",
        "every_step": _("Retrained at every step"),
        "naive": _("Bare thresholds"),
    }
    return labels.get(policy) or policy.replace("_", " ")


def policy_meaning(words: Words, policy: str) -> str:
    """What it does, in a sentence."""
    _ = words.gettext
    meanings = {
        "never": _("The first model stays in use for good."),
        "refit": _("Trains when that is needed, and puts in use what is proven."),
        "every_step": _("A new model at every step, no questions asked."),
        "naive": _("Trains when the figure fell, takes what looks better, as if chance were none."),
    }
    return meanings.get(policy) or ""


def done_label(words: Words, action: str) -> str:
    """What was done at a step."""
    _ = words.gettext
    labels = {
        "none": _("Nothing to do"),
        "waited": _("Waited for more outcomes"),
        "held_back": _("Held back by the limits"),
        "failed": _("The training failed"),
        "deployed": _("Retrained and put in use"),
        "approved": _("Retrained; as good, waits for a person"),
        "rejected": _("Retrained; rejected"),
        "inconclusive": _("Retrained; undecided"),
    }
    return labels.get(action) or action.replace("_", " ")


def summary(report: Mapping[str, Any], words: Words) -> str:
    """What Refit cost and bought, beside the other policies that were replayed."""
    _ = words.gettext
    metric, policies = report["metric"]["name"], report["policies"]

    def fields(policy: str) -> dict[str, str]:
        count = policies[policy]["retrainings"]
        return {
            "metric": metric_name(words, metric),
            "value": show_metric(words, metric, policies[policy][metric]),
            "trainings": words.ngettext("{count} training", "{count} trainings", count).format(
                count=words.numbers.number(count)
            ),
        }

    messages = {
        "refit": _("With Refit: {metric} {value}, after {trainings}."),
        "never": _("Never retrained it would have been {value}."),
        "every_step": _("Retrained at every step: {value}, after {trainings}."),
    }
    return " ".join(
        message.format(**fields(policy))
        for policy, message in messages.items()
        if policy in policies
    )
