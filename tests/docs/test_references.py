"""What README and docs name is there: pages, headings, pictures, commands, options, variables."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from pydantic import AliasChoices
from typer.main import get_command

from core.cli.app import app
from core.settings import Settings
from tests.docs.pages import ROOT, Page, read_pages

PAGES = list(read_pages())
# What the pages show. They are made by running Refit, so that they show what it looks like.
SCREENSHOTS = {
    "docs/screenshots/audit.png",
    "docs/screenshots/job.png",
    "docs/screenshots/jobs.png",
    "docs/screenshots/model-type.png",
    "docs/screenshots/n8n-execution.png",
    "docs/screenshots/n8n-workflow.png",
    "docs/screenshots/overview.png",
    "docs/screenshots/overview-nl-dark.png",
    "docs/screenshots/overview-phone.png",
    "docs/screenshots/retrain.png",
    "docs/screenshots/schedules.png",
    "docs/screenshots/sign-in.png",
}
# Of programs that are not Refit, and names that a page gives to something of the reader's.
OTHER_VARIABLES = {
    *("AWS_ACCESS_KEY_ID", "AWS_REGION", "AWS_SECRET_ACCESS_KEY"),
    *("FUNCTION_SOURCE", "FUNCTION_TARGET", "GOOGLE_FUNCTION_SOURCE"),
    *("ON_ERROR_STOP", "POSTGRES_PASSWORD", "SSL_CERT_FILE"),
    *("SLACK_WEBHOOK", "EMAIL_SMTP_FROM", "EMAIL_SMTP_TO", "TRAINING_TIMEOUT_MINUTES"),
    *("WEBHOOK_URL", "REFIT_N8N_VERSION", "CERTIFICATE_VERIFY_FAILED"),
    *("REFIT_KEY", "REFIT_SCHEDULER_KEY", "OPERATION_ID"),
    *("PROJECT_ID", "RUN_ID", "MODEL_TYPE", "BOT_TOKEN", "CHAT_ID"),
}
_VARIABLE = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")
_REFIT = re.compile(r"^(?:\.venv/bin/)?refit (.+)$")
_END_OF_COMMAND = re.compile(r"\s(?:#|\||>|&&|;).*|[;,]$")
# Options that every command has.
_GENERAL = {"--help", "--debug", "--version"}


def by_name(page: Page) -> str:
    return page.name


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_links_lead_somewhere(page: Page) -> None:
    lost = []
    for link in page.links:
        path, _, anchor = link.partition("#")
        target = ((ROOT / page.name).parent / path).resolve() if path else ROOT / page.name
        if target.suffix == ".png":
            # Whether it was made is asked once, below.
            found = target.relative_to(ROOT).as_posix() in SCREENSHOTS
        else:
            found = target.exists() and (not anchor or anchor in Page.read(target).anchors)
        if not found:
            lost.append(link)

    assert lost == []


def test_each_screenshot_was_made_and_is_shown() -> None:
    shown = {
        ((ROOT / page.name).parent / link).resolve().relative_to(ROOT).as_posix()
        for page in PAGES
        for link in page.links
        if link.endswith(".png")
    }

    assert shown == SCREENSHOTS
    assert {name for name in SCREENSHOTS if not (ROOT / name).is_file()} == set()


def commands_of(page: Page) -> Iterator[list[str]]:
    """The words after `refit` of each command that a page shows or speaks of."""
    lines = list(page.code)
    for block in page.blocks:
        if block.kind in {"sh", "sh not-run"}:
            lines += block.text.replace("\\\n", " ").splitlines()
    for line in lines:
        found = _REFIT.match(line.strip())
        if found:
            # What stands in quotes is a value.
            text = re.sub(r"\"[^\"]*\"|'[^']*'", "VALUE", found[1])
            yield _END_OF_COMMAND.sub("", text).split()


def mistake_in(words: list[str]) -> str | None:
    """What is wrong with a command, if anything."""
    command = get_command(app)
    path: list[str] = []
    while words and (commands := getattr(command, "commands", None)) and words[0][0] != "-":
        if words[0] not in commands:
            return f"there is no command {' '.join([*path, words[0]])}"
        path.append(words[0])
        command, words = commands[words[0]], words[1:]
    known = {o for p in command.params for o in (*p.opts, *p.secondary_opts)} | _GENERAL
    unknown = [word for word in words if word.startswith("--") and word not in known]
    if unknown and path != ["psql"]:
        return f"{' '.join(path)} has no option {', '.join(unknown)}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_commands_and_their_options_exist(page: Page) -> None:
    mistakes = {mistake for words in commands_of(page) if (mistake := mistake_in(words))}

    assert mistakes == set()


def test_a_command_that_does_not_exist_is_found() -> None:
    assert mistake_in(["schedules", "stop", "ID"]) == "there is no command schedules stop"
    assert mistake_in(["retrain", "churn", "--now"]) == "retrain has no option --now"
    assert mistake_in(["retrain", "churn", "--force"]) is None


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_make_targets_exist(page: Page) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", makefile, flags=re.MULTILINE))
    lines = [*page.code, *(line for b in page.blocks for line in b.text.splitlines())]
    named = {found[1] for line in lines if (found := re.match(r"\s*make ([a-z][a-z0-9-]*)", line))}

    assert named - targets == set()


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_variables_are_ours_or_known_to_be_others(page: Page) -> None:
    ours: set[str] = set()
    for field in Settings.model_fields.values():
        names = field.validation_alias
        ours |= set(map(str, names.choices)) if isinstance(names, AliasChoices) else {str(names)}
    shells = ("sh", "sh not-run", "text")
    texts = [*page.code, *(block.text for block in page.blocks if block.kind in shells)]
    named = {name for text in texts for name in _VARIABLE.findall(text)}

    assert named - ours - OTHER_VARIABLES == set()
