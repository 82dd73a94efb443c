"""The sign-in page, and signing in with a machine key."""

from __future__ import annotations

from core.domain import Role
from core.errors import Forbidden, RefitError, Unauthenticated
from core.keys import hash_key, is_key
from core.supabase.sign_in import may_sign_in
from core.web.refusals import Refusal, write_refusal
from functions.dashboard.cross_site import local_page
from functions.dashboard.csrf import form_token, require_form_token, require_own_page
from functions.dashboard.sessions import begin_key_session
from functions.dashboard.visit import Page, Redirect, Visit


def show_sign_in(visit: Visit) -> Page | Redirect:
    """The ways to sign in here; on to the page that was wished, when one is signed in already."""
    wished = local_page(visit.request.args.get("next"))
    if visit.session is not None:
        return Redirect(location=wished or visit.url())
    settings = visit.services.settings
    values = {
        "with_supabase": may_sign_in(settings),
        "next": wished or "",
        "csrf": None,
    }
    if settings.session_secret is None:
        return Page(template="sign_in.html", values=values, status=503)
    values["csrf"], cookie = form_token(visit.request, settings)
    if cookie is not None:
        visit.cookies.append(cookie)
    return Page(template="sign_in.html", values=values)


def sign_in_with_key(visit: Visit) -> Page | Redirect:
    """Sign in whoever holds a standing machine key of a role that may see pages."""
    _ = visit.gettext
    address = visit.request.remote_addr or ""
    try:
        begin_form(visit)
        key = visit.request.form.get("key", "").strip()
        actor = visit.services.keys.find(hash_key(key)) if is_key(key) else None
        if actor is None:
            visit.services.failures.count(address)
            raise Unauthenticated(_("This key is unknown, has expired or was revoked."))
        if not actor.role.allows(Role.VIEWER):
            raise Forbidden(
                _("This key may only run schedules. Pages need a key of a viewer or more.")
            )
    except RefitError as exc:
        return refuse(visit, exc)
    visit.session = begin_key_session(visit.services, key, actor)
    return proceed(visit)


def begin_form(visit: Visit) -> None:
    """Admit a form of somebody who is not signed in.

    Raises
    ------
    ConfigurationError
        When REFIT_SESSION_SECRET is not set.
    Forbidden
        Our own page did not send it.
    TooManyRequests
        This address was wrong too often.
    """
    _ = visit.gettext
    visit.services.settings.require_session_secrets()
    try:
        require_own_page(visit.request)
    except Forbidden as exc:
        raise Forbidden(_("This form was sent by another site's page. Use the one here.")) from exc
    try:
        require_form_token(visit.request, visit.services.settings)
    except Forbidden as exc:
        raise Forbidden(
            _("This form was open for too long, or cookies are switched off. Try once more.")
        ) from exc
    visit.services.failures.require_patience(visit.request.remote_addr or "")


def proceed(visit: Visit) -> Redirect:
    """To the page that somebody wished before they signed in, or to the overview."""
    return Redirect(location=local_page(visit.request.form.get("next")) or visit.url())


def refuse(visit: Visit, error: RefitError) -> Redirect:
    """Back to the sign-in page, which says why; who was refused is on record.

    A page of its own would stand at an address that only forms may ask.
    """
    if isinstance(error, Refusal):
        way = visit.request.path.rstrip("/").rpartition("/")[
            2
        ]  # key, link, password, …: what was tried
        write_refusal(visit.services, None, f"sign_in/{way}", visit.request_id, error)
    wished = local_page(visit.request.values.get("next")) or ""
    return Redirect(location=visit.url("sign-in", next=wished), notice=str(error), failed=True)
