"""The one target: every action behind one URL, and each as a path and a target of its own."""

from __future__ import annotations

import gc
import re
import sys
from pathlib import Path

# What loading makes stays: looking for garbage in it would cost a tenth of a cold start.
gc.disable()

# functions-framework puts this file's folder on sys.path; core and functions are in its parent.
_ROOT = str(Path(__file__).resolve().parents[1])
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)

from flask import Request, Response, current_app, has_app_context

from core.errors import NotFound
from core.web import protect, refuse
from functions.actions import ACTIONS

PATH = "/api/workflows/ml/auto-retraining"

_PAGES = re.compile(r"/([a-z]{2}/)?ml-training(/|$)")

# Each is a target of its own too: functions-framework looks for it in this module.
globals().update(ACTIONS)
if has_app_context():  # functions-framework loads this module inside the app that will serve it
    protect(current_app)
# The server forks now: what is never looked at again is never copied.
gc.freeze()
gc.enable()


def dashboard(request: Request) -> Response:
    """Answer with a page of the dashboard."""
    # Loaded when a page is asked for: an action must start fast.
    from functions.dashboard.answering import answer

    return answer(request)


def main(request: Request) -> Response:
    """Answer by the action that ``?action=`` or the path names, or with a page."""
    # At the bare address somebody at a browser left out the page.
    is_bare = request.path == "/" and "text/html" in request.headers.get("Accept", "")
    if _PAGES.match(request.path) or (is_bare and not request.args):
        return dashboard(request)
    path = request.path.rstrip("/")
    shared = path in {"", PATH}
    named = path.removeprefix(f"{PATH}/").removeprefix("/")
    action = request.args.get("action", "") if shared else named
    if action in ACTIONS:
        return ACTIONS[action](request)
    unknown = f"There is no action {action[:100]}." if action else "No action is named."
    message = unknown if shared else "There is nothing at this path."
    hint = f"Use {PATH}?action=…, one of {', '.join(sorted(ACTIONS))}."
    return refuse(request, NotFound(message, hint=hint))
