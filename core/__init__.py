"""Refit: keeps scikit-learn models that live beside a Supabase database fresh."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.serving import load_champion as load_champion  # exported

__version__ = "0.1.0"
__all__ = ["load_champion"]


def __getattr__(name: str) -> Any:
    """Load the machine learning only when somebody asks for it: ``core`` itself stays light."""
    if name == "load_champion":
        return importlib.import_module("core.serving").load_champion
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
