"""The database as Python sees it: named SQL functions that are called in somebody's name."""

from core.database.postgres import PostgresDatabase
from core.database.protocol import Database

__all__ = ["Database", "PostgresDatabase"]
