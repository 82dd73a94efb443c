"""GET health: which part is up, for whoever watches the server. Needs no credentials."""

from __future__ import annotations

from core import __version__
from core.errors import RefitError
from core.store import Store
from core.web import Answer, Call, NoParameters, endpoint

# Any function would do; the look-up of a key costs one index and shows that migrations are there.
_NO_KEY = "0" * 64


@endpoint("GET", None, NoParameters)
def health(call: Call[NoParameters]) -> Answer:
    """200 when everything answers, else 503: ``{status, database, queue, version}``."""
    parts = {
        "database": _word(ok=_database_answers(call)),
        "queue": _word(ok=call.services.doorbell.waiting() is not None),
    }
    ok = all(word == "ok" for word in parts.values())
    body = {"status": _word(ok=ok), **parts, "version": __version__}
    return Answer(status=200 if ok else 503, body=body)


def _database_answers(call: Call[NoParameters]) -> bool:
    try:
        Store(call.services.database).find_api_key(_NO_KEY)
    except RefitError:
        return False
    return True


def _word(*, ok: bool) -> str:
    return "ok" if ok else "down"
