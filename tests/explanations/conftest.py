from __future__ import annotations

from tests.database.conftest import database, owner, scene

__all__ = ["database", "owner", "scene"]
