"""What the node types of the workflow are in a real n8n, as far as the offline test asks.

`python -m tests.n8n_live.node_facts` writes tests/n8n/node_facts.json anew, from the
versions of n8n that are installed.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.functions.served import ROOT
from tests.n8n_live.install import folder_of

Json = dict[str, Any]
WORKFLOW = ROOT / "workflows" / "ML_Auto_Retraining_Workflow.json"
FACTS = ROOT / "tests" / "n8n" / "node_facts.json"
VERSIONS = ("1.123.0", "2.41.1")


def used_nodes() -> dict[str, set[float]]:
    """The workflow's node types, with their versions."""
    used: dict[str, set[float]] = {}
    for node in json.loads(WORKFLOW.read_text(encoding="utf-8"))["nodes"]:
        used.setdefault(node["type"], set()).add(node["typeVersion"])
    return used


def facts_of(exported: list[Json]) -> Json:
    """Names, versions and needed parameters, from what ``n8n export:nodes`` writes."""
    facts: Json = {}
    for name, used in sorted(used_nodes().items()):
        described = [node for node in exported if node["name"] == name]
        facts[name] = {
            "versions": sorted({version for node in described for version in _versions(node)}),
            "parameters": {
                str(version): _parameters(node, version)
                for version in sorted(used)
                for node in described
                if version in _versions(node)
            },
        }
    return facts


def export(folder: Path) -> Json:
    """The facts of the n8n in a folder."""
    node = folder / "bin" / "node"
    command = folder / "app" / "node_modules" / "n8n" / "bin" / "n8n"
    with tempfile.TemporaryDirectory() as home:
        output = Path(home) / "nodes.json"
        subprocess.run(
            [str(node), str(command), "export:nodes", f"--output={output}"],
            env={
                "PATH": f"{folder / 'bin'}:/usr/bin:/bin",
                "HOME": home,
                "N8N_USER_FOLDER": home,
                "N8N_DIAGNOSTICS_ENABLED": "false",
            },
            check=True,
            timeout=180,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return facts_of(json.loads(output.read_text(encoding="utf-8")))


def _versions(node: Json) -> list[float]:
    version = node["version"]
    return version if isinstance(version, list) else [version]


def _parameters(node: Json, version: float) -> Json:
    """Each parameter's name; of a needed one, when it is shown."""
    found: Json = {"known": [], "needed": {}}
    for parameter in node["properties"]:
        show = (parameter.get("displayOptions") or {}).get("show", {})
        if version not in show.get("@version", [version]):
            continue
        found["known"].append(parameter["name"])
        if parameter.get("required"):
            conditions = {key: values for key, values in show.items() if key != "@version"}
            found["needed"].setdefault(parameter["name"], []).append(conditions)
    found["known"] = sorted(set(found["known"]))
    return found


if __name__ == "__main__":
    facts = {version: export(folder_of(version)) for version in VERSIONS}
    FACTS.write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n", encoding="utf-8")
