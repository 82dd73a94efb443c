"""What the offline test believes of n8n's nodes is what this n8n says."""

from __future__ import annotations

import json

import pytest

from tests.n8n_live.install import wanted_version
from tests.n8n_live.n8n import Installed
from tests.n8n_live.node_facts import FACTS, export


def test_the_facts_of_the_offline_test_are_those_of_this_n8n(installed: Installed) -> None:
    known = json.loads(FACTS.read_text(encoding="utf-8"))
    if wanted_version() not in known:
        pytest.skip(f"the offline test knows nothing of {wanted_version()}")

    assert export(installed.folder) == known[wanted_version()]
