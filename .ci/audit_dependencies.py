#!/usr/bin/env python3
"""Ask whether a pinned package has a known vulnerability: ``audit_dependencies.py PIP_AUDIT``.

Fails for each advisory that .ci/waived_advisories does not waive with a reason, for a waiver that
is not needed any more, and when only a part of the packages could be looked up. Where no advisory
service can be reached, nothing was audited: that is said, and is no failure of the packages.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "requirements" / "all.txt"
WAIVED = ROOT / ".ci" / "waived_advisories"


def main(pip_audit: str) -> int:
    """Run pip-audit over the pinned packages, and judge what it says."""
    command = [pip_audit, "--disable-pip", "--require-hashes", "--format", "json"]
    run = subprocess.run(
        [*command, "--requirement", str(REQUIREMENTS)], capture_output=True, text=True, check=False
    )
    try:
        packages = json.loads(run.stdout)["dependencies"]
    except ValueError:
        said = (run.stderr.strip().splitlines() or ["nothing"])[-1]
        print(f"pip-audit said: {said}")
        if "Connection" not in said:
            return 1
        packages = []
    status, lines = judge(packages, read_waivers(WAIVED.read_text(encoding="utf-8")))
    print("\n".join(lines))
    return status


def read_waivers(text: str) -> dict[str, str]:
    """Advisory → reason, of lines ``ID reason``; a waiver without a reason is refused."""
    waivers = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            advisory, _, reason = line.partition(" ")
            if not reason.strip():
                sys.exit(f"{WAIVED.name}: {advisory} has no reason.")
            waivers[advisory] = reason.strip()
    return waivers


def judge(packages: list[dict[str, Any]], waivers: dict[str, str]) -> tuple[int, list[str]]:
    """The exit status, and what is to be said."""
    audited = [p for p in packages if "skip_reason" not in p]
    if not audited:
        return 0, [f"NOT AUDITED: no advisory service answered for {len(packages)} packages."]
    lines = [
        f"{p['name']}: could not be audited: {p['skip_reason']}"
        for p in packages
        if "skip_reason" in p
    ]
    found: set[str] = set()
    for package in audited:
        for advisory in package["vulns"]:
            names = {advisory["id"], *advisory.get("aliases", [])}
            found |= names
            if not names & waivers.keys():
                fixed = ", ".join(advisory.get("fix_versions", [])) or "none"
                known = f"{package['name']} {package['version']}: {advisory['id']}"
                lines.append(f"{known}; fixed in: {fixed}")
    lines += [f"{name}: waived, but not found any more" for name in waivers if name not in found]
    if lines:
        return 1, lines
    return 0, [f"No known vulnerability in {len(audited)} packages; {len(waivers)} waived."]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
