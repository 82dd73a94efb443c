"""What only a real browser does: keeping cookies back, refusing scripts, reading pages aloud."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from core.cli.sign_in_link import make_link
from tests.dashboard.conftest import PersonAs
from tests.dashboard.other_site import serving_links
from tests.functions.served import Server
from tests.worker.lab import Lab


@pytest.fixture
def other_site() -> Iterator[str]:
    with serving_links() as address:
        yield address


@pytest.mark.parametrize("locale", ["en", "nl"])
def test_somebody_signs_in_with_a_key_and_out_again(
    person_as: PersonAs, keys: dict[str, str], locale: str
) -> None:
    person = person_as(None, locale=locale)
    page = person.go("schedules")
    assert page.url.startswith(f"{person.address}/{locale}/ml-training/sign-in?next=")
    assert person.violations() == []
    assert not person.is_wider_than_the_screen()

    page.locator("#key").fill(keys["viewer"])
    page.locator("form[action*='sign-in/key'] button").click()

    page.wait_for_url(f"{person.address}/{locale}/ml-training/schedules")
    page.locator("form[action*='sign-out'] button").click()
    page.wait_for_url(f"{person.address}/{locale}/ml-training/sign-in")
    said = {"en": "You are signed out.", "nl": "Je bent afgemeld."}[locale]
    expect(page.locator(".notice p")).to_have_text(said)


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_sign_in_page_fits_a_telephone(person_as: PersonAs, colours: str) -> None:
    person = person_as(None, width=360, color_scheme=colours)
    person.go("sign-in")

    assert person.violations() == []
    assert not person.is_wider_than_the_screen()


def test_the_printed_link_signs_in_and_is_gone_from_the_address(
    person_as: PersonAs, lab: Lab, server: Server
) -> None:
    person = person_as(None)
    link = make_link(lab.store, server.address, lasts=timedelta(hours=1))

    person.page.goto(link)

    assert person.page.url == f"{server.address}/en/ml-training"
    expect(person.page.locator("form[action*='sign-out']")).to_be_visible()
    # Going back does not show it either.
    person.page.reload()
    assert "token" not in person.page.url


def test_a_click_on_another_site_arrives_signed_in(
    person_as: PersonAs, server: Server, other_site: str
) -> None:
    person = person_as("viewer")
    person.page.goto(f"{other_site}{server.address}/en/ml-training/schedules")

    person.page.get_by_role("link").click()

    person.page.wait_for_url(f"{server.address}/en/ml-training/schedules?arriving=1")
    expect(person.page.locator("form[action*='sign-out']")).to_be_visible()
    # And it cost nothing: the next page needs no second way round.
    person.go("jobs")
    assert person.page.url == f"{server.address}/en/ml-training/jobs"


def test_a_link_in_a_chat_on_the_web_takes_one_click_more(
    person_as: PersonAs, lab: Lab, server: Server, other_site: str
) -> None:
    person = person_as(None)
    link = make_link(lab.store, server.address, lasts=timedelta(hours=1))
    person.page.goto(f"{other_site}{link}")

    person.page.get_by_role("link").click()
    person.page.wait_for_url("**/sign-in/link?token=*")
    assert person.violations() == []
    person.page.get_by_role("link", name="Sign in with this link").click()

    person.page.wait_for_url(f"{server.address}/en/ml-training")
