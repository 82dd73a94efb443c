"""What is made of pip-audit's answer."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "audit_dependencies.py"
SOUND = {"name": "flask", "version": "3.1", "vulns": []}
FLAWED = {
    "name": "jinja2",
    "version": "2.4.1",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["3.0"]}],
}
UNKNOWN = {"name": "ours", "skip_reason": "not found"}


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit_dependencies", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("packages", "waivers", "status", "said"),
    [
        ([SOUND], {}, 0, "No known vulnerability in 1 packages; 0 waived."),
        ([SOUND, FLAWED], {}, 1, "jinja2 2.4.1: PYSEC-1; fixed in: 3.0"),
        ([FLAWED], {"CVE-1": "No template of a stranger's."}, 0, "1 waived."),
        ([SOUND], {"CVE-1": "No template of a stranger's."}, 1, "CVE-1: waived, but not found"),
        ([SOUND, UNKNOWN], {}, 1, "ours: could not be audited: not found"),
        ([UNKNOWN], {}, 0, "NOT AUDITED"),
    ],
)
def test_an_audit_fails_for_what_nobody_waived(
    audit: ModuleType,
    packages: list[dict[str, Any]],
    waivers: dict[str, str],
    status: int,
    said: str,
) -> None:
    found, lines = audit.judge(packages, waivers)

    assert (found, said in "\n".join(lines)) == (status, True)


def test_a_waiver_needs_a_reason(audit: ModuleType) -> None:
    assert audit.read_waivers("# why\nCVE-1 Never called.\n") == {"CVE-1": "Never called."}
    with pytest.raises(SystemExit, match="CVE-2 has no reason"):
        audit.read_waivers("CVE-2\n")
