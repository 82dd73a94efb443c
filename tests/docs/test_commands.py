"""Every command of README and docs is run here, or in a test that is named, or says why it is not.

The tutorial runs from its first command to its last on a home of its own. What other pages show
runs afterwards, on the same system, in the pages' order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Block, read_pages
from tests.docs.running_system import RunningSystem, running_system
from tests.webhooks.receiver import Receiver, receiving

TUTORIAL = "docs/tutorial.md"
STARTS_THE_SYSTEM = "refit up --no-example\n"
# Run after the tutorial, on the system that it leaves.
RUN_HERE = (
    "docs/deployment.md",
    "docs/engines.md",
    "docs/n8n.md",
    "docs/notifications.md",
    "docs/scheduling.md",
    "docs/audit.md",  # after a tick, which seals
    "docs/troubleshooting.md",
    "docs/webhooks.md",
    "docs/api.md",  # it makes a model type without a table, of which `refit doctor` tells
)
# Run elsewhere: the first words of a block, and what runs it.
RUN_ELSEWHERE: Mapping[tuple[str, str], str] = {
    ("README.md", "make demo "): "tests/demo/test_demo.py",
    ("README.md", ".venv/bin/refit "): "tests/cli/test_readme.py",
    ("README.md", "curl -X POST "): "tests/cli/test_up.py",
    (TUTORIAL, "make install\n"): ".ci/run",
    # They need a channel of each kind, and a delivery that has failed.
    ("docs/notifications.md", "export SLACK_WEBHOOK_URL"): (
        "tests/notifications/test_notify_command.py"
    ),
    ("docs/notifications.md", "refit notify test "): "tests/notifications/test_notify_command.py",
    ("docs/webhooks.md", "refit webhooks list"): "tests/webhooks/test_commands.py",
}
# Not `refit`, but programs that a reader starts.
COMMAND = re.compile(
    r"^\s*(\$ |curl|docker|gcloud|make|openssl|psql|(\.venv/bin/)?refit|supabase)\b", re.MULTILINE
)
SHELLS = ("sh", "sh not-run")
NOT_RUN = "Not run "

BLOCKS = [block for page in read_pages() for block in page.blocks]


def runs_elsewhere(block: Block) -> str | None:
    """The file that runs a block, when it is another one."""
    for (page, beginning), where in RUN_ELSEWHERE.items():
        if block.page == page and block.text.startswith(beginning):
            return where
    return None


HERE = [
    block
    for page in RUN_HERE
    for block in BLOCKS
    if block.page == page and block.kind == "sh" and not runs_elsewhere(block)
]


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.kind == "sh"], ids=str)
def test_a_command_that_is_shown_is_run_somewhere(block: Block) -> None:
    where = runs_elsewhere(block)

    assert where or block.page in (*RUN_HERE, TUTORIAL), "let RUN_HERE or RUN_ELSEWHERE name it"
    assert where is None or (ROOT / where).is_file()


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.kind == "sh not-run"], ids=str)
def test_a_command_that_is_not_run_says_so_before_and_why(block: Block) -> None:
    assert NOT_RUN in block.before, block.before


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.kind not in SHELLS], ids=str)
def test_commands_stand_in_blocks_that_are_accounted_for(block: Block) -> None:
    assert not COMMAND.search(block.text), "mark the block as sh, or as sh not-run"


@pytest.mark.parametrize(("page", "beginning"), RUN_ELSEWHERE)
def test_what_is_run_elsewhere_is_still_there(page: str, beginning: str) -> None:
    assert any(b.page == page and b.kind == "sh" and b.text.startswith(beginning) for b in BLOCKS)


@pytest.fixture(scope="module")
def slack() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def system(memory_folder: Path, slack: Receiver) -> Iterator[RunningSystem]:
    with running_system(memory_folder, slack.url("/services/T000/B000/XXXX")) as system:
        yield system


@pytest.fixture(scope="module")
def tutorial(system: RunningSystem) -> list[tuple[Block, str]]:
    """Each command of the tutorial with what it said; a program that stays is started once."""
    told = []
    for block in (b for b in BLOCKS if b.page == TUTORIAL and b.kind == "sh"):
        if block.text == STARTS_THE_SYSTEM:
            system.start(block.text)
        elif not runs_elsewhere(block):
            told.append((block, system.run(block.text)))
    return told


def shape(text: str) -> str:
    """A text without its line breaks and figures, which differ a little between machines."""
    return re.sub(r"\d[\d,.]*\d|\d", "0", " ".join(text.split()))


def test_the_tutorial_does_what_it_says(
    tutorial: list[tuple[Block, str]], system: RunningSystem, slack: Receiver
) -> None:
    said = shape("\n".join(output for _, output in tutorial))
    quotes = [
        block.text
        for block in BLOCKS
        if block.page == TUTORIAL
        and block.kind == "text"
        and block.text.startswith(("churn:", "839 predictions", "Right in"))
    ]

    assert len(quotes) == 5
    for part in (part for quote in quotes for part in quote.split("…")):
        assert shape(part) in said
    status = json.loads(system.run("refit status --json"))
    assert [(c["model_type"], c["model_version"]) for c in status["champions"]] == [("churn", 1)]
    assert any("Who will leave: predictions got worse" in m.body for m in slack.received)


@pytest.fixture(scope="module")
def reader(tutorial: list[tuple[Block, str]], system: RunningSystem) -> RunningSystem:
    """The system after the tutorial, and what the pages say that their reader has."""
    assert tutorial
    key = json.loads(system.run("refit keys create reader --role admin --json"))["key"]
    ticking = json.loads(system.run("refit keys create ticking --role scheduler --json"))["key"]
    schedule = json.loads(system.run("refit schedules list churn --json"))["items"][0]["id"]
    system.environ |= {"REFIT_KEY": key, "KEY": key, "REFIT_SCHEDULER_KEY": ticking, "ID": schedule}
    check = system.run(
        'curl -sS -X POST -H "X-API-Key: $REFIT_KEY" -d \'{"wait_seconds": 0}\' '
        '"$API_BASE_URL/workflows/ml/auto-retraining?action=check_performance"'
    )
    system.environ["OPERATION_ID"] = json.loads(check)["operation_id"]
    return system


@pytest.mark.parametrize("block", HERE, ids=str)
def test_the_commands_of_a_page_work(block: Block, reader: RunningSystem) -> None:
    reader.run(block.text)
