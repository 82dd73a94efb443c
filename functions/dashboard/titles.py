"""What model types are called where people read."""

from __future__ import annotations

from functions.dashboard.visit import Visit


def model_titles(visit: Visit) -> dict[str, str]:
    """Every model type's title by its name; one without a title is called by its name."""
    return {one.name: one.title or one.name for one in visit.store.list_model_types()}
