"""A function that does nothing: what functions-framework costs by itself."""

from __future__ import annotations

from flask import Request


def noop(_: Request) -> tuple[str, int, dict[str, str]]:
    """The least that can be answered."""
    return "{}", 200, {"Content-Type": "application/json"}
