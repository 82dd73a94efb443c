"""Who did it, and where: actors, roles and environments by name."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from core.explanations.rows import Row, text
from core.explanations.words import Words

# As the dashboard and the database name the holders of sign-in links.
_SESSION = re.compile(
    r"browser session (?P<opened>[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}) [0-9a-f]{6}"
)
_LINK = "sign-in link of "


def is_session(name: str) -> bool:
    """Whether a key is one that a browser got for a sign-in link."""
    return _SESSION.fullmatch(name) is not None


def stored_name(words: Words, name: str) -> str:
    """A name as it is stored, of which no kind is known, for people.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> stored_name(ENGLISH, "browser session 2026-11-24 13:25 9abd59")
    'somebody with a sign-in link (24 Nov 2026 13:25 UTC)'
    >>> stored_name(ENGLISH, "anna@example.org")
    'anna@example.org'
    """
    _ = words.gettext
    if name.startswith(_LINK):
        return _("somebody with a sign-in link")
    found = _SESSION.fullmatch(name)
    if found is None:
        return name
    try:
        opened = datetime.fromisoformat(found["opened"]).replace(tzinfo=UTC)
    except ValueError:
        return _("somebody with a sign-in link")
    return _("somebody with a sign-in link ({opened})").format(
        opened=words.numbers.datetime(opened)
    )


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
    >>> actor_name(ENGLISH, {"kind": "key", "name": "browser session 2026-11-24 13:25 9abd59"})
    'somebody with a sign-in link (24 Nov 2026 13:25 UTC)'
    """
    _ = words.gettext
    who = actor or {}
    kind, name = text(who, "kind"), text(who, "name") or text(who, "id")
    if (kind == "key" and is_session(name)) or (kind == "system" and name.startswith(_LINK)):
        return stored_name(words, name)
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
