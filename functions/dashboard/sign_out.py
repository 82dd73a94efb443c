"""Signing out."""

from __future__ import annotations

import structlog

from core.errors import RefitError
from core.keys import hash_key
from core.store import Store
from core.supabase.sign_in import SignIn
from functions.dashboard.csrf import require_csrf
from functions.dashboard.sessions import Session
from functions.dashboard.visit import Redirect, Visit

_log = structlog.get_logger(__name__)


def sign_out(visit: Visit) -> Redirect:
    """Take the cookie away, and end what it held: a link's key, or the session in Supabase.

    A machine key that somebody typed in stays theirs. Where ending it fails the cookie goes all the
    same; the key ends by itself within twelve hours, the token within the hour.
    """
    _ = visit.gettext
    if visit.session is not None:
        require_csrf(visit.request, visit.session)
        try:
            _end(visit, visit.session)
        except RefitError as exc:
            _log.warning("session_not_ended", problem=exc.problem, detail=exc.message)
        visit.session = None
    return Redirect(location=visit.url("sign-in"), notice=_("You are signed out."))


def _end(visit: Visit, session: Session) -> None:
    if session.key is not None:
        Store(visit.services.database).revoke_session_key(hash_key(session.key))
    elif session.tokens is not None:
        SignIn(visit.services.settings).sign_out(session.tokens.access_token)
