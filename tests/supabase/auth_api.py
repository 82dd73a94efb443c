"""The auth server's administration of users, in its wire shapes."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from tests.supabase.tokens import Json
from tests.supabase.wire import Reply, Request, Speaker, WireError

_PATH = "/auth/v1/admin/users"
# However many are asked for.
_MOST_PER_PAGE = 1000


def make_user(email: str | None, **app_metadata: object) -> Json:
    """Somebody who signed up."""
    return {
        "id": str(uuid4()),
        "aud": "authenticated",
        "role": "authenticated",
        "email": email,
        "phone": "",
        "app_metadata": {"provider": "email", "providers": ["email"], **app_metadata},
        "user_metadata": {"name": "kept"},
        "identities": [],
        "created_at": "2026-01-01T00:00:00.000000Z",
        "last_sign_in_at": None,
    }


def answer_auth(users: dict[str, Json], request: Request, speaker: Speaker) -> Reply:
    """List users page by page, or make, change or remove one."""
    parts = urlsplit(request.path)
    if speaker.role != "service_role":
        raise WireError(403, code=403, error_code="not_admin", msg="User not allowed")
    if parts.path == _PATH:
        return _list(users, parts.query) if request.method == "GET" else _make(users, request)
    user = users.get(parts.path.removeprefix(f"{_PATH}/"))
    if request.method not in {"PUT", "DELETE"} or user is None:
        raise WireError(404, code=404, error_code="user_not_found", msg="User not found")
    if request.method == "DELETE":
        return Reply(body=users.pop(user["id"]) and {})
    # As the server does it: what is named is written, null takes away, all else stays.
    for name, value in json.loads(request.body).get("app_metadata", {}).items():
        if value is None:
            user["app_metadata"].pop(name, None)
        else:
            user["app_metadata"][name] = value
    return Reply(body=user)


def sign_in(users: dict[str, Json], request: Request) -> Json:
    """Whose address and password these are."""
    given = json.loads(request.body)
    for user in users.values():
        if (user["email"], user.get("password")) == (given["email"], given["password"]):
            return user
    raise WireError(
        400, code=400, error_code="invalid_credentials", msg="Invalid login credentials"
    )


def _list(users: dict[str, Json], query: str) -> Reply:
    asked = {name: int(values[0]) for name, values in parse_qs(query).items()}
    page, size = asked.get("page", 1), min(asked.get("per_page", 50), _MOST_PER_PAGE)
    listed = list(users.values())[(page - 1) * size : page * size]
    return Reply(body={"users": listed, "aud": "authenticated"})


def _make(users: dict[str, Json], request: Request) -> Reply:
    given = json.loads(request.body)
    user = make_user(given["email"], **given.get("app_metadata", {}))
    user |= {"user_metadata": given.get("user_metadata", {}), "password": given["password"]}
    users[user["id"]] = user
    return Reply(body=user)
