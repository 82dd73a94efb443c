"""A lab with a worker, the functions beside it, and people who look at pages in real Chromium."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from core.domain import Role
from core.keys import hash_key, make_key
from tests.conftest import temporary_database, with_database
from tests.dashboard.visiting import visiting
from tests.functions.served import Server, serving
from tests.worker.lab import Lab, RunningWorker, empty_queue, open_lab

SESSION_SECRET = "a secret of the tests that is long enough"
_numbers = itertools.count()
# Without them Chromium asks for its maker's servers, over and over.
_ALONE = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",
)


@pytest.fixture(scope="module")
def lab(
    postgres_url: str,
    postgres_admin: psycopg.Connection,
    template_database: str,
    valkey_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lab]:
    """What the tests of one module share."""
    folder = tmp_path_factory.mktemp("artifacts")
    with temporary_database(postgres_admin, template=template_database) as name:
        database_url = with_database(postgres_url, name)
        with open_lab(database_url, empty_queue(valkey_url), folder) as lab:
            yield lab


@pytest.fixture(scope="module")
def worker(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorker]:
    """A worker; only a test that asks for it has one."""
    with lab.worker(tmp_path_factory.mktemp("worker")) as worker:
        yield worker


@pytest.fixture(scope="module")
def variables() -> dict[str, str]:
    """What the server of a module gets beside its addresses; a module may say otherwise."""
    return {}


@pytest.fixture(scope="module")
def server(
    lab: Lab, variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The functions, pages among them."""
    with serving(
        tmp_path_factory.mktemp("functions"),
        "main",
        DATABASE_URL=lab.database_url,
        REDIS_URL=lab.redis_url,
        REFIT_SESSION_SECRET=SESSION_SECRET,
        REFIT_RATE_LIMIT_READS="100000/minute",
        REFIT_RATE_LIMIT_WORK="100000/minute",
        **variables,
    ) as server:
        yield server


@pytest.fixture(scope="module")
def keys(lab: Lab) -> dict[str, str]:
    """A machine key of each role."""
    keys = {str(role): make_key() for role in Role}
    for role, key in keys.items():
        lab.store.create_api_key(
            name=f"{role} of the test", role=Role(role), key_hash=hash_key(key)
        )
    return keys


@pytest.fixture
def operator(server: Server, keys: dict[str, str]) -> Iterator[httpx.Client]:
    with visiting(server, keys["operator"]) as http:
        yield http


@pytest.fixture
def stranger(server: Server) -> Iterator[httpx.Client]:
    with visiting(server) as http:
        yield http


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium. Its driver keeps an event loop, which others must not find running."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:  # in CI nothing may be skipped
        pytest.skip("Chromium is missing: on Debian, apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ALONE)
        yield browser
        browser.close()


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody at a browser."""

    page: Page
    context: BrowserContext
    address: str
    locale: str
    complaints: list[str] = field(default_factory=list)  # of the browser's console

    def go(self, place: str = "") -> Page:
        """Open a page of the dashboard."""
        path = f"/{self.locale}/ml-training" + (f"/{place}" if place else "")
        self.page.goto(self.address + path)
        return self.page

    def violations(self) -> list[str]:
        """What axe finds wrong with the page as it is."""
        results = Axe().run(self.page)
        return [
            f"{found['id']}: {found['help']} {[node['html'][:200] for node in found['nodes']][:3]}"
            for found in results.response["violations"]
        ]

    def is_wider_than_the_screen(self) -> bool:
        """Whether one would have to scroll sideways."""
        return bool(
            self.page.evaluate(
                "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            )
        )


PersonAs = Callable[..., Person]


@pytest.fixture
def person_as(browser: Browser, server: Server, keys: dict[str, str]) -> Iterator[PersonAs]:
    """Signs somebody in: ``person_as("viewer", locale="nl", color_scheme="dark", width=360)``.

    Afterwards no browser may have complained: neither of an error nor of the security policy.
    What a test provokes it takes out of ``complaints`` itself.
    """
    people: list[Person] = []

    def arrive(
        role: str | None = "operator", *, locale: str = "en", width: int = 1440, **options: Any
    ) -> Person:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            locale=locale,
            timezone_id="Europe/Amsterdam",
            **options,
        )
        context.set_default_timeout(15_000)
        if role is not None:
            answer = context.request.post(
                f"{server.address}/{locale}/ml-training/sign-in/key", form={"key": keys[role]}
            )
            assert answer.ok, answer.text()
        page = context.new_page()
        person = Person(page=page, context=context, address=server.address, locale=locale)
        page.on(
            "console",
            lambda said: person.complaints.append(said.text) if said.type == "error" else None,
        )
        page.on("pageerror", lambda error: person.complaints.append(str(error)))
        people.append(person)
        return person

    yield arrive
    for person in people:
        person.context.close()
    assert [complaint for person in people for complaint in person.complaints] == []
