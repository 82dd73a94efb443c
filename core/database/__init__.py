"""The database as Python sees it: named SQL functions that are called in somebody's name."""

from core.database.protocol import Database
from core.database.postgres import PostgresDatabase

__all__ = ["Database", "PostgresDatabase"]
