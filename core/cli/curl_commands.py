"""Three commands to paste: the main actions of the running system, with a working key."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

PATH = "/api/workflows/ml/auto-retraining"
CALLBACK = "http://localhost:5678/webhook/training-complete"


def curl_commands(base_url: str, key: str, model_types: Sequence[str]) -> list[str]:
    """Trigger a retraining, check the performance, get the status.

    Parameters
    ----------
    base_url : str
        As ``http://localhost:3000``.
    key : str
        A machine key.
    model_types : sequence of str
        What is retrained; the first of them is checked.
    """
    trigger = {"force": True, "model_types": list(model_types), "webhook_url": CALLBACK}
    check = {"model_types": list(model_types[:1]), "threshold": 0.03, "time_window": 7}
    return [
        _post(base_url, key, "trigger_retraining", trigger),
        _post(base_url, key, "check_performance", check),
        f"curl '{base_url}{PATH}?action=status' \\\n  -H 'X-API-Key: {key}'",
    ]


def _post(base_url: str, key: str, action: str, body: dict[str, Any]) -> str:
    fields = ",\n".join(f"    {json.dumps(k)}: {json.dumps(v)}" for k, v in body.items())
    return (
        f"curl -X POST '{base_url}{PATH}?action={action}' \\\n"
        f"  -H 'X-API-Key: {key}' \\\n"
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d '{{\n{fields}\n  }}'"
    )
