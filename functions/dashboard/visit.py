"""One visit to a page: who looks, in which language, at which environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlencode

from flask import Request

from core.domain import Environment, Role
from core.errors import Unauthenticated
from core.explanations.people import role_label
from core.explanations.words import Words
from core.store import Store
from core.web.authentication import Caller
from core.web.call import Function
from core.web.inner import carry_out
from core.web.services import Services, get_services
from functions.dashboard.formats import Formats, find_zone
from functions.dashboard.language import Language
from functions.dashboard.sessions import Session

Json = dict[str, Any]
ROOT = "ml-training"
ZONE_COOKIE = "refit-zone"  # set by static/times.js


@dataclass(frozen=True, kw_only=True)
class Page:
    """What is shown: a template and its values."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, kw_only=True)
class Redirect:
    """Where the browser goes next, and what it is told there."""

    location: str
    notice: str | None = None
    failed: bool = False


@dataclass(frozen=True, kw_only=True)
class Download:
    """A file to keep."""

    name: str
    content_type: str
    body: bytes


Result = Page | Redirect | Download


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """Who is signed in."""

    caller: Caller
    csrf: str

    @property
    def name(self) -> str:
        """How they are called."""
        return self.caller.name

    @property
    def role(self) -> Role | None:
        """What they may do; None: nothing, yet."""
        return self.caller.role

    def may(self, needed: Role | str) -> bool:
        """Whether their role allows what needs this one."""
        return self.role is not None and self.role.allows(Role(needed))


@dataclass(kw_only=True)
class Visit:
    """A request for a page.

    ``session`` is replaced by what signs in, and set to None by what signs out: the router writes
    the cookie accordingly.
    """

    request: Request
    language: Language
    request_id: str
    environment: Environment
    session: Session | None
    looked: bool = False  # whether who is signed in was found out; only then may a cookie go
    values: Mapping[str, str] = field(default_factory=dict)  # what the path names
    cookies: list[Mapping[str, Any]] = field(default_factory=list)  # set_cookie's arguments

    @property
    def services(self) -> Services:
        """What the process shares; asked for when it is used, so that its lack has a page too.

        Raises
        ------
        ConfigurationError
            When an address is missing.
        """
        return get_services()

    @property
    def locale(self) -> str:
        """The language's code."""
        return self.language.locale

    @property
    def gettext(self) -> Any:
        """The text in the viewer's language."""
        return self.language.gettext

    @property
    def ngettext(self) -> Any:
        """The text for a number in the viewer's language."""
        return self.language.ngettext

    @property
    def format(self) -> Formats:
        """Numbers and times in the viewer's language, and zone once their browser has named it."""
        return Formats(locale=self.locale, zone=find_zone(self.request.cookies.get(ZONE_COOKIE)))

    @property
    def words(self) -> Words:
        """What sentences about stored figures are made with."""
        return Words(gettext=self.gettext, ngettext=self.ngettext, numbers=self.format)

    @property
    def viewer(self) -> Viewer:
        """Who is signed in.

        Raises
        ------
        Unauthenticated
            When nobody is.
        """
        if self.session is None:
            raise Unauthenticated("Nobody is signed in.")
        return Viewer(caller=self.session.caller, csrf=self.session.csrf)

    def refusal(self, needed: str) -> str | None:
        """Why the viewer may not do what needs this role; None where they may."""
        if self.viewer.may(needed):
            return None
        said = self.gettext(
            "This needs the role {role}; yours is {yours}. An admin can give you another one."
        )
        label = partial(role_label, self.words)
        return str(said.format(role=label(needed), yours=label(self.viewer.role)))

    @property
    def store(self) -> Store:
        """The SQL functions, in the viewer's name."""
        return Store(self.services.database, actor=self.viewer.caller, request_id=self.request_id)

    def perform(self, function: Function, **fields: Any) -> Json:
        """Do what an action of the API does, in the viewer's name.

        Parameters
        ----------
        function : Function
            One of ``functions.actions``.
        **fields
            Its body's fields; None leaves one out.

        Raises
        ------
        RefitError
            What the API would answer with a problem.
        """
        given = {name: value for name, value in fields.items() if value is not None}
        return carry_out(
            function, given, services=self.services, caller=self.viewer.caller,
            request_id=self.request_id,
        )  # fmt: skip

    def url(self, place: str = "", **query: Any) -> str:
        """The address of a page, in this language and environment."""
        path = f"/{self.locale}/{ROOT}" + (f"/{place}" if place else "")
        if "environment" not in query and "environment" in self.request.args:
            query["environment"] = self.environment
        given = {name: value for name, value in query.items() if value not in {None, ""}}
        return f"{path}?{urlencode(given)}" if given else path
