"""`refit dashboard`: a link to where the dashboard runs; without one it says what is missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from core.cli.served_address import served_address
from core.domain import Role
from core.keys import hash_key, make_key
from core.store import Store
from tests.cli.conftest import Refit


def role_of(link: str, store: Store) -> Role:
    """The role of whoever opens this link."""
    actor = store.redeem_sign_in_link(
        hash_key(parse_qs(urlsplit(link).query)["token"][0]),
        key_name="browser session of the test",
        key_hash=hash_key(make_key()),
        key_expires_at=datetime.now(UTC) + timedelta(hours=1),
    )
    return actor.role


def test_it_prints_a_link_to_the_public_address(refit: Refit, store: Store) -> None:
    result = refit("dashboard", "--print", DASHBOARD_URL="https://ml.example.org/")

    assert result.exit_code == 0, result.output
    link = result.stdout.strip()
    assert link.startswith("https://ml.example.org/ml-training/sign-in/link?token=")
    assert role_of(link, store) is Role.ADMIN


def test_it_finds_what_runs_in_this_home(
    refit: Refit, store: Store, addresses: dict[str, str]
) -> None:
    home = Path(addresses["REFIT_HOME"])
    home.mkdir()
    with served_address(home, "http://127.0.0.1:3123"):
        result = refit("dashboard", "--print")

    # As a browser on this machine writes it.
    assert result.stdout.startswith("http://localhost:3123/ml-training/sign-in/link?token=")


def test_where_nothing_runs_it_says_what_to_do(refit: Refit, store: Store) -> None:
    result = refit("dashboard")

    assert result.exit_code == 1
    assert "refit up" in result.stderr
    assert "DASHBOARD_URL" in result.stderr
