"""From a page's template and values to HTML."""

from __future__ import annotations

from functools import cache
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from core.domain import Environment as ServingEnvironment
from core.explanations.people import actor_name
from functions.dashboard.language import LOCALES, load_language
from functions.dashboard.static_files import static_url
from functions.dashboard.visit import ROOT, Page, Visit

# The content type of pages, and where else a page may take anything from: nowhere.
SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@cache
def _templates(locale: str) -> Environment:
    templates = Environment(
        loader=PackageLoader("functions.dashboard"),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    language = load_language(locale)
    templates.install_gettext_callables(  # type: ignore[attr-defined]
        language.gettext, language.ngettext, newstyle=True
    )
    return templates


def render(visit: Visit, page: Page, **more: Any) -> str:
    """The HTML of a page."""
    values: dict[str, Any] = {
        "visit": visit,
        "viewer": visit.viewer if visit.session else None,
        "who": _who(visit),
        "format": visit.format,
        "url": visit.url,
        "static": static_url,
        "locales": [(code, _address_in(visit, code)) for code in LOCALES],
        "environments": list(ServingEnvironment),
    }
    template = _templates(visit.locale).get_template(page.template)
    return template.render({**values, **more, **page.values})


def _who(visit: Visit) -> str | None:
    """Who is signed in, by the name that people know."""
    if visit.session is None:
        return None
    caller = visit.session.caller
    return actor_name(visit.words, {"kind": caller.kind, "name": caller.name})


def _address_in(visit: Visit, locale: str) -> str:
    """The same page in another language."""
    below = visit.request.path.partition(f"/{ROOT}")[2]
    query = visit.request.query_string.decode("ascii", "replace")
    return f"/{locale}/{ROOT}{quote(below)}" + (f"?{query}" if query else "")
