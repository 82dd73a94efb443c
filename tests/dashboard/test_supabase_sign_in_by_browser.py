"""Signing in with Supabase (a stand-in, see ``tests.supabase.project``) in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.dashboard.conftest import PersonAs
from tests.dashboard.other_site import serving_links
from tests.functions.served import Server
from tests.supabase.auth_api import make_user
from tests.supabase.project import Project, running_project

ADA, PASSWORD = "ada@example.org", "correct horse battery staple"
NO_DATABASE = "postgresql://127.0.0.1:9/none"


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    """Only its auth server is asked: the functions have DATABASE_URL."""
    with running_project(NO_DATABASE) as project:
        yield project


@pytest.fixture(scope="module")
def variables(project: Project) -> dict[str, str]:
    return {
        "SUPABASE_URL": project.address,
        "SUPABASE_PUBLISHABLE_KEY": project.publishable_key,
    }


@pytest.fixture(autouse=True)
def ada(project: Project) -> Iterator[dict[str, object]]:
    user = make_user(ADA, ml_role="viewer") | {"password": PASSWORD}
    project.users[user["id"]] = user
    yield user["app_metadata"]
    project.users.clear()
    project.sign_in.mails.clear()


@pytest.mark.parametrize(("width", "colours"), [(360, "light"), (1440, "dark")])
def test_the_page_is_for_everybody(person_as: PersonAs, width: int, colours: str) -> None:
    person = person_as(None, width=width, color_scheme=colours)
    page = person.go("sign-in")

    expect(page.get_by_label("E-mail address")).to_be_focused()
    page.get_by_text("Sign in with a machine key").click()
    assert person.violations() == []
    assert not person.is_wider_than_the_screen()


def test_the_keyboard_alone_signs_in(person_as: PersonAs, server: Server) -> None:
    person = person_as(None)
    page = person.go("schedules")

    page.keyboard.type(ADA)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")

    page.wait_for_url(f"{server.address}/en/ml-training/schedules")
    expect(page.locator(".who")).to_have_text(ADA)


def test_a_wrong_password_is_said_where_screen_readers_hear_it(person_as: PersonAs) -> None:
    person = person_as(None, locale="nl")
    page = person.go("sign-in")

    page.get_by_label("E-mailadres").fill(ADA)
    page.get_by_label("Wachtwoord").fill("wrong")
    page.get_by_role("button", name="Aanmelden", exact=True).click()

    said = page.get_by_role("alert")
    expect(said.locator("p")).to_have_text("Het e-mailadres of het wachtwoord klopt niet.")
    assert person.violations() == []


def test_whoever_has_no_role_is_told_which_command_helps(
    person_as: PersonAs, ada: dict[str, object]
) -> None:
    del ada["ml_role"]
    person = person_as(None, width=360)
    page = person.go("sign-in")
    page.get_by_label("E-mail address").fill(ADA)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()

    expect(page.get_by_text(f"refit users grant {ADA} viewer")).to_be_visible()
    assert person.violations() == []
    assert not person.is_wider_than_the_screen()
    # The status of this page is 403, which the browser notes.
    assert all("403" in said for said in person.complaints)
    person.complaints.clear()
    page.locator("main form[action*='sign-out'] button").click()
    page.wait_for_url("**/sign-in")


def test_a_link_opened_in_web_mail_signs_in(
    person_as: PersonAs, project: Project, server: Server
) -> None:
    person = person_as(None)
    page = person.go("schedules")
    page.get_by_label("E-mail address").fill(ADA)
    # No password is asked for on this way.
    page.get_by_role("button", name="Mail me a link").click()
    expect(page.locator(".notice p")).to_contain_text("a link is on its way")
    (mail,) = project.sign_in.mails

    with serving_links() as web_mail:
        page.goto(web_mail + mail.link)
        page.get_by_role("link").click()

        # Over the page that has the browser bring the cookie which it was just given.
        page.wait_for_url(f"{server.address}/en/ml-training/schedules?arriving=1")
    expect(page.locator(".who")).to_have_text(ADA)
