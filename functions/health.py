"""GET health: which part is up, for whoever watches the server. Needs no credentials."""

from __future__ import annotations

import time
from functools import lru_cache

from core import __version__
from core.errors import RefitError
from core.store import Store
from core.web import Answer, Call, NoParameters, endpoint
from core.web.services import Services


@endpoint("GET", None, NoParameters)
def health(call: Call[NoParameters]) -> Answer:
    """200 when database and queue answer, else 503; work waits where no worker was seen."""
    return _look(call.services, int(time.monotonic()))


@lru_cache(maxsize=1)
def _look(services: Services, _second: int) -> Answer:
    """Once a second: whoever asks needs no credentials, and is not counted."""
    try:
        seen = Store(services.database).get_health()
    except RefitError:
        seen = None
    parts = {
        "database": _word(ok=seen is not None),
        "queue": _word(ok=services.doorbell.waiting() is not None),
        "workers": len(seen["workers"]) if seen else 0,
        "schedulers": len(seen["schedulers"]) if seen else 0,
    }
    ok = parts["database"] == parts["queue"] == "ok"
    return Answer(
        status=200 if ok else 503, body={"status": _word(ok=ok), **parts, "version": __version__}
    )


def _word(*, ok: bool) -> str:
    return "ok" if ok else "down"
