"""Signing in as a Supabase user: by password, or by a link that is mailed."""

from __future__ import annotations

import time

from core.errors import InvalidRequest, RefitError, SignInRefused, SignInUnavailable
from core.supabase.sign_in import SignIn, Tokens
from functions.dashboard.cookies import SealedCookie
from functions.dashboard.cross_site import local_page
from functions.dashboard.csrf import own_origin
from functions.dashboard.sessions import begin_user_session
from functions.dashboard.sign_in import begin_form, proceed, refuse
from functions.dashboard.visit import Redirect, Visit

# Lax: the mailed link comes from another site, and must bring it.
_LINK_COOKIE = SealedCookie(name="refit-mail", purpose="mailed link 1", same_site="Lax")
# As long as Supabase's link stands unless the project says otherwise.
_LINK_LASTS_S = 3600.0


def sign_in_with_password(visit: Visit) -> Redirect:
    """Sign in by address and password."""
    email = visit.request.form.get("email", "").strip()
    try:
        begin_form(visit)
        _require_address(visit, email)
        tokens = SignIn(visit.services.settings).with_password(
            email, visit.request.form.get("password", "")
        )
        _begin(visit, tokens)
    except RefitError as exc:
        return refuse(visit, _count(visit, _in_words(visit, exc)))
    return proceed(visit)


def send_magic_link(visit: Visit) -> Redirect:
    """Have a link mailed; the answer is the same whether somebody has this address or not."""
    _ = visit.gettext
    settings = visit.services.settings
    email = visit.request.form.get("email", "").strip()
    wished = local_page(visit.request.form.get("next")) or ""
    try:
        begin_form(visit)
        _require_address(visit, email)
        # Each counts: whoever asks without end would have Supabase send without end.
        visit.services.failures.count(visit.request.remote_addr or "")
        origin = (settings.dashboard_url or own_origin(visit.request)).rstrip("/")
        confirm = f"{origin}/{visit.locale}/ml-training/sign-in/confirm"
        verifier = SignIn(settings).send_link(email, confirm)
    except RefitError as exc:
        return refuse(visit, _in_words(visit, exc))
    expires = time.time() + _LINK_LASTS_S
    sealed = _LINK_COOKIE.seal(settings, {"verifier": verifier, "next": wished}, expires=expires)
    visit.cookies.append(_LINK_COOKIE.arguments(visit.request, sealed, expires=expires))
    return Redirect(
        location=visit.url("sign-in", next=wished),
        notice=_(
            "If this address belongs to a user, a link is on its way to it. Open it in this "
            "browser within the hour. Nothing there after a few minutes? Look among unwanted "
            "mail, or ask for a new one."
        ),
    )


def confirm_magic_link(visit: Visit) -> Redirect:
    """Sign in the browser that asked for the link and now opens it."""
    _ = visit.gettext
    held = _LINK_COOKIE.read(visit.request, visit.services.settings)
    code = visit.request.args.get("code", "")
    try:
        visit.services.failures.require_patience(visit.request.remote_addr or "")
        # Without a code the query says in Supabase's words that the link is over.
        if held is None or not code:
            raise SignInRefused("There is no verifier, or no code.", reason="link_over")
        tokens = SignIn(visit.services.settings).with_code(code, held["verifier"])
        _begin(visit, tokens)
    except RefitError as exc:
        return refuse(visit, _count(visit, _in_words(visit, exc)))
    visit.cookies.append(_LINK_COOKIE.removal(visit.request))
    return Redirect(location=local_page(held["next"]) or visit.url())


def _begin(visit: Visit, tokens: Tokens) -> None:
    visit.session = begin_user_session(visit.services, tokens)


def _require_address(visit: Visit, email: str) -> None:
    _ = visit.gettext
    if "@" not in email.strip("@") or len(email) > 320:
        raise InvalidRequest(_("Write your whole e-mail address, such as you@example.org."))


def _count(visit: Visit, error: RefitError) -> RefitError:
    """Note what may be guessing; what is to be said then is perhaps that there was too much."""
    if isinstance(error, SignInRefused):
        try:
            visit.services.failures.count(visit.request.remote_addr or "")
        except RefitError as exc:
            return exc
    return error


def _in_words(visit: Visit, error: RefitError) -> RefitError:
    """The error with a sentence in the visitor's language, where they can do something about it."""
    _ = visit.gettext
    if isinstance(error, SignInUnavailable):
        return SignInUnavailable(
            _("Supabase does not answer now, so nobody can sign in with it. Try again in a moment.")
        )
    if not isinstance(error, SignInRefused):
        return error
    sentences = {
        "invalid_credentials": _("The e-mail address or the password is wrong."),
        "email_not_confirmed": _(
            "This address is not confirmed yet: open the link in the mail that Supabase sent."
        ),
        "user_banned": _("This account is barred. An admin of the Supabase project can lift that."),
        "link_over": _(
            "This link was opened before, has expired, or was asked for in another browser. Ask "
            "for a new one here."
        ),
        "too_large": _(
            "Your Supabase token is too large for a browser's cookie. An admin has to take large "
            "values out of your user's metadata."
        ),
    }
    usual = _("Supabase does not let this account in.")
    return SignInRefused(sentences.get(error.reason, usual), reason=error.reason)
