"""Which address shows which page. A page's module is loaded when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import MethodNotAllowed as WrongMethod
from werkzeug.routing import Map, Rule

from core.domain import Role
from core.errors import MethodNotAllowed, NotFound
from functions.dashboard.language import LOCALES
from functions.dashboard.visit import ROOT, Result, Visit

Show = Callable[[Visit], Result]


@dataclass(frozen=True, kw_only=True)
class Target:
    """What answers at an address."""

    name: str  # module:function within this package
    role: Role | None  # what it takes to come here; None: nobody has to be signed in

    def load(self) -> Show:
        """The function itself."""
        module, _, function = self.name.partition(":")
        show: Show = getattr(import_module(f"functions.dashboard.{module}"), function)
        return show


# place below /{locale}/ml-training, method, what answers, the least role
_PLACES: tuple[tuple[str, str, str, Role | None], ...] = (
    ("/sign-in", "GET", "sign_in:show_sign_in", None),
    ("/sign-in/key", "POST", "sign_in:sign_in_with_key", None),
    ("/sign-in/password", "POST", "supabase_sign_in:sign_in_with_password", None),
    ("/sign-in/magic-link", "POST", "supabase_sign_in:send_magic_link", None),
    ("/sign-in/confirm", "GET", "supabase_sign_in:confirm_magic_link", None),
    ("/sign-in/link", "GET", "sign_in_links:redeem_link", None),
    ("/sign-out", "POST", "sign_out:sign_out", None),
    ("", "GET", "overview:show_overview", Role.VIEWER),
    ("/alerts/acknowledge", "POST", "overview:acknowledge", Role.OPERATOR),
    ("/alerts/snooze", "POST", "overview:snooze", Role.OPERATOR),
    ("/model-types/<name>", "GET", "model_type:show_model_type", Role.VIEWER),
    ("/model-types/<name>/backtest", "GET", "backtest:show_backtest", Role.VIEWER),
    ("/model-types/<name>/check", "POST", "model_type_actions:check", Role.OPERATOR),
    ("/model-types/<name>/deploy", "POST", "model_type_actions:deploy", Role.OPERATOR),
    ("/model-types/<name>/roll-back", "POST", "model_type_actions:roll_back", Role.ADMIN),
    ("/model-types/<name>/settings", "GET", "model_type_settings:show_settings", Role.ADMIN),
    ("/model-types/<name>/settings", "POST", "model_type_settings:change_settings", Role.ADMIN),
    ("/jobs", "GET", "jobs:show_jobs", Role.VIEWER),
    ("/jobs/<uuid:id>", "GET", "job:show_job", Role.VIEWER),
    ("/jobs/<uuid:id>/cancel", "POST", "job:cancel", Role.OPERATOR),
    ("/jobs/<uuid:id>/retry", "POST", "job:retry", Role.OPERATOR),
    ("/retrain", "GET", "retrain:show_form", Role.VIEWER),
    ("/retrain", "POST", "retrain:retrain", Role.OPERATOR),
    ("/schedules", "GET", "schedules:show_schedules", Role.VIEWER),
    ("/schedules", "POST", "schedules:create", Role.ADMIN),
    ("/schedules/<uuid:id>", "POST", "schedules:change", Role.ADMIN),
    ("/audit", "GET", "audit:show_audit", Role.VIEWER),
)


@cache
def _map() -> Map:
    locale = f"/<any({', '.join(LOCALES)}):locale>/{ROOT}"
    return Map(
        [
            Rule(locale + place, methods=[method], endpoint=Target(name=name, role=role))
            for place, method, name, role in _PLACES
        ],
        strict_slashes=False,
    )


def find_target(path: str, method: str) -> tuple[Target, dict[str, str]]:
    """What answers at this address, and the values that its path names.

    Raises
    ------
    NotFound, MethodNotAllowed
    """
    adapter = _map().bind("refit")
    try:
        target, values = adapter.match(path.rstrip("/") or "/", method=method)
    except WrongMethod as exc:
        allowed = ", ".join(sorted(exc.valid_methods or ()))
        raise MethodNotAllowed("This page is asked otherwise.", allow=allowed) from exc
    except HTTPException as exc:
        raise NotFound("There is no such page.") from exc
    return target, {name: str(value) for name, value in values.items()}
