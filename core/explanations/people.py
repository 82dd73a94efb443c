"""Who did it, and where: actors, roles and environments by name."""

from __future__ import annotations

from core.explanations.rows import Row, text
from core.explanations.words import Words


def actor_name(words: Words, actor: Row | None) -> str:
    """Who somebody is, as the subject of a sentence.

    Parameters
    ----------
    words : Words
    actor : mapping or None
        ``{kind, id, name, role}`` as stored.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> actor_name(ENGLISH, {"kind": "user", "name": "anna@example.org"})
    'anna@example.org'
    >>> actor_name(ENGLISH, {"kind": "key", "name": "n8n"})
    'the key “n8n”'
    >>> actor_name(ENGLISH, {"kind": "system", "name": "scheduler"})
    'Refit'
    """
    _ = words.gettext
    who = actor or {}
    kind, name = text(who, "kind"), text(who, "name") or text(who, "id")
    if kind == "system":
        return _("Refit")
    if kind == "key" and name:
        return _("the key “{name}”").format(name=name)
    if kind == "user" and name:
        return name
    return _("somebody unknown")


def actor_at_start(words: Words, actor: Row | None) -> str:
    """Who somebody is, at the beginning of a sentence.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> actor_at_start(ENGLISH, {"kind": "key", "name": "n8n"})
    'The key “n8n”'
    """
    name = actor_name(words, actor)
    # A person is written as they write themselves.
    is_person = actor is not None and text(actor, "kind") == "user" and text(actor, "name") == name
    return name if is_person else name[:1].upper() + name[1:]


def role_label(words: Words, role: str | None) -> str:
    """A role by the name that people see."""
    _ = words.gettext
    names = {
        "viewer": _("Viewer"),
        "operator": _("Operator"),
        "admin": _("Admin"),
        "scheduler": _("Scheduler"),
    }
    return names.get(role or "") or role or _("No role")


def environment_label(words: Words, environment: str | None) -> str:
    """An environment by the name that people see."""
    _ = words.gettext
    names = {
        "development": _("Development"),
        "staging": _("Staging"),
        "production": _("Production"),
    }
    return names.get(environment or "") or environment or _("Unknown")
