"""`refit dashboard`: a link that signs a browser in to the running system, once."""

from __future__ import annotations

import webbrowser
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from core.cli.output import note, say
from core.errors import ConfigurationError
from core.settings import get_settings

if TYPE_CHECKING:
    from core.settings import Settings

_LASTS = timedelta(hours=1)


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("dashboard")(dashboard)


def dashboard(
    print_only: Annotated[
        bool, typer.Option("--print", help="Print the link alone; open no browser.")
    ] = False,
) -> None:
    """Open the dashboard, signed in as an admin; the link serves once, within an hour."""
    from core.cli.session import open_session
    from core.cli.sign_in_link import make_link

    # First: without it there is nothing to sign in to, and no server to start for it.
    address = _address(get_settings())
    with open_session() as session:
        link = make_link(session.store, address, lasts=_LASTS)
    say(link)
    if print_only:
        return
    if _has_window():
        webbrowser.open(link)
    note("Open it in a browser within the hour; it serves once.")


def _address(settings: Settings) -> str:
    """Where browsers reach the dashboard."""
    from core.cli.running_system import base_url
    from core.cli.served_address import find_served_address
    from core.embedded.stack import absolute

    if settings.dashboard_url is not None:
        return settings.dashboard_url
    served = find_served_address(absolute(settings.home))
    if served is None:
        raise ConfigurationError(
            "No running dashboard is known here.",
            hint="Start it with `refit up`, or set DASHBOARD_URL to where it runs.",
        )
    parts = urlsplit(served)
    return base_url(parts.hostname or "", parts.port or 80)


def _has_window() -> bool:
    """Whether a browser would open beside the terminal, not within it."""
    try:
        return type(webbrowser.get()) is not webbrowser.GenericBrowser
    except webbrowser.Error:
        return False
