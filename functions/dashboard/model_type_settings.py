"""The settings of a model type: what an admin may change, each mistake by its field's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.errors import InvalidRequest, NotFound, UnknownModelType
from core.web.definitions import from_model_type
from core.web.inner import carry_out
from functions.dashboard.model_type_fields import fields_of, for_everybody
from functions.dashboard.setting_field import (
    Field,
    clean_text,
    from_text,
    to_text,
    unit_of,
    what_it_must_be,
)
from functions.dashboard.visit import Page, Redirect, Visit
from functions.update_model_type import update_model_type

Json = dict[str, Any]


def show_settings(visit: Visit) -> Page:
    """The form, as the settings are."""
    settings = find_settings(visit)
    fields = fields_of(visit, settings)
    return _page(settings, fields, {f.name: to_text(f, settings[f.name]) for f in fields}, {})


def change_settings(visit: Visit) -> Page | Redirect:
    """Change what differs; the form again, with the reasons, where something cannot be."""
    _ = visit.gettext
    settings = find_settings(visit)
    fields = fields_of(visit, settings)
    given = {f.name: clean_text(f, visit.request.form.get(f.name)) for f in fields}
    changes: Json = {}
    mistakes: dict[str, str] = {}
    for field in fields:
        if given[field.name] == to_text(field, settings[field.name]):
            continue
        try:
            changes[field.name] = from_text(field, given[field.name])
        except ValueError:
            mistakes[field.name] = what_it_must_be(visit, field)
    if not mistakes and changes:
        try:
            _save(visit, {"name": settings["name"], **changes})
        except InvalidRequest as exc:
            mistakes = _named(exc, fields)
    if mistakes:
        return _page(settings, fields, given, mistakes)
    said = _("The settings are saved.") if changes else _("Nothing was changed.")
    return Redirect(location=visit.url(f"model-types/{settings['name']}"), notice=said)


def find_settings(visit: Visit) -> Json:
    """The model type that the path names, as the API shows it.

    Raises
    ------
    NotFound
    """
    name = visit.values["name"]
    try:
        return from_model_type(visit.store.get_model_type(name))
    except UnknownModelType as exc:
        raise NotFound(exc.message, hint=exc.hint) from exc


def shown_settings(visit: Visit, settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The settings that everybody sees, each as a label and a value."""
    _ = visit.gettext
    rows = []
    for field in for_everybody(visit, settings):
        if field.name in {"title", "description", "owner"}:
            continue
        value = settings[field.name]
        if field.kind == "check":
            text = _("Yes") if value else _("No")
        elif field.kind == "choice":
            text = dict(field.choices).get(value, value)
        elif value is None:
            text = field.when_empty or _("no limit")
        else:
            shown = round(value * field.scale, 10)
            number, unit = visit.format.number(shown), field.unit(shown)
            text = f"{number}%" if unit == "%" else f"{number} {unit}".strip()
        rows.append((field.label, text))
    return rows


def _save(visit: Visit, changes: Json) -> None:
    """As :meth:`Visit.perform`, which leaves out what is None: here it means no limit."""
    carry_out(
        update_model_type, changes, services=visit.services, caller=visit.viewer.caller,
        request_id=visit.request_id,
    )  # fmt: skip


def _page(
    settings: Json,
    fields: list[Field],
    given: Mapping[str, str],
    mistakes: Mapping[str, str],
) -> Page:
    return Page(
        template="model_type_settings.html",
        status=422 if mistakes else 200,
        values={
            "settings": settings,
            "title": settings["title"] or settings["name"],
            "fields": fields,
            "given": given,
            "units": {f.name: unit_of(f, given[f.name]) for f in fields},
            "mistakes": mistakes,
        },
    )


def _named(error: InvalidRequest, fields: list[Field]) -> dict[str, str]:
    """Which field each mistake is about; what is about none is said above the form."""
    names = {field.name for field in fields}
    mistakes: dict[str, str] = {}
    for one in error.errors:
        name = one["field"].split(".")[0]
        mistakes.setdefault(name if name in names else "", one["detail"])
    return mistakes or {"": str(error)}
