"""The database as Python sees it: named SQL functions that are called in somebody's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.database.postgres import PostgresDatabase
from core.database.protocol import Database
from core.database.supabase import SupabaseDatabase
from core.errors import ConfigurationError

if TYPE_CHECKING:
    from core.settings import Settings

__all__ = ["Database", "PostgresDatabase", "SupabaseDatabase", "open_database"]


def open_database(settings: Settings) -> Database:
    """The configured database: DATABASE_URL's, else that of the Supabase project.

    Raises
    ------
    ConfigurationError
        When neither is set, or not completely; the variables are named.
    """
    if settings.database_url is not None:
        return PostgresDatabase(settings.database_url.get_secret_value())
    if settings.supabase_url is None:
        raise ConfigurationError(
            "Neither DATABASE_URL nor SUPABASE_URL is set.",
            hint="Set DATABASE_URL to your PostgreSQL address, or SUPABASE_URL with "
            "SUPABASE_SECRET_KEY and SUPABASE_PUBLISHABLE_KEY, or use `refit up`, which starts "
            "a local database.",
        )
    if settings.supabase_secret_key is None:
        raise ConfigurationError(
            "SUPABASE_URL is set, and neither DATABASE_URL nor SUPABASE_SECRET_KEY.",
            hint="Set SUPABASE_SECRET_KEY and SUPABASE_PUBLISHABLE_KEY; they stand under Project "
            "Settings, API Keys.",
        )
    publishable = settings.supabase_publishable_key
    return SupabaseDatabase(
        settings.supabase_url,
        secret_key=settings.supabase_secret_key.get_secret_value(),
        publishable_key=None if publishable is None else publishable.get_secret_value(),
    )
