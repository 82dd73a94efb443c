"""The one-time link that `refit up` and `refit dashboard` print."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from core.errors import RefitError, SignInLinkNotValid
from core.keys import hash_key, make_key
from core.store import Store
from functions.dashboard.cross_site import local_page
from functions.dashboard.sessions import KEY_LASTS_S, Session, begin_key_session
from functions.dashboard.sign_in import refuse
from functions.dashboard.visit import Page, Redirect, Visit

_LONGEST = 100


def redeem_link(visit: Visit) -> Page | Redirect:
    """Sign in the browser that opens the link, and lead on so that the token leaves the address.

    Opening it is enough, as with Jupyter's: it is printed in a terminal, and clicked or pasted
    there by the person it is for. What a browser does by itself opens nothing: a look ahead
    (``Sec-Purpose: prefetch``), an image or frame of another page, a HEAD request. These, and a
    click on another site's page, are shown a page with the link instead: one click more.
    """
    _ = visit.gettext
    token = visit.request.args.get("token", "")
    if not _is_opened(visit):
        return Page(template="sign_in_link.html", values={"again": visit.request.full_path})
    settings, failures = visit.services.settings, visit.services.failures
    address = visit.request.remote_addr or ""
    try:
        # Before the link is used up.
        settings.require_session_secrets()
        failures.require_patience(address)
        try:
            visit.session = _redeem(visit, token[:_LONGEST])
        except SignInLinkNotValid:
            failures.count(address)
            if visit.session is not None:
                # Opened again, from the terminal or the history: it has done what it is for.
                return _lead_on(visit)
            raise SignInLinkNotValid(
                _("This link was opened before, has expired, or was never made here."),
                hint=_("Make a new one with: refit dashboard"),
            ) from None
    except RefitError as exc:
        return refuse(visit, exc)
    return _lead_on(visit)


def _lead_on(visit: Visit) -> Redirect:
    return Redirect(location=local_page(visit.request.args.get("next")) or visit.url())


def _redeem(visit: Visit, token: str) -> Session:
    key, now = make_key(), datetime.now(UTC)
    actor = Store(visit.services.database).redeem_sign_in_link(
        hash_key(token),
        key_name=f"browser session {now:%Y-%m-%d %H:%M} {secrets.token_hex(3)}",
        key_hash=hash_key(key),
        key_expires_at=now + timedelta(seconds=KEY_LASTS_S),
    )
    return begin_key_session(visit.services, key, actor)


def _is_opened(visit: Visit) -> bool:
    """Whether a person did; browsers tell only where the connection is encrypted or local."""
    headers = visit.request.headers
    return (
        visit.request.method == "GET"
        and "prefetch" not in headers.get("Sec-Purpose", headers.get("Purpose", ""))
        and headers.get("Sec-Fetch-Dest", "document") == "document"
        and headers.get("Sec-Fetch-Site", "none") != "cross-site"
    )
