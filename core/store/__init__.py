"""The typed façade over the SQL functions: one method each, rows in and dataclasses out.

A store acts in somebody's name: a machine key's, a part of Refit's, or a signed-in user's. Which of
them may do what is decided in SQL.
"""

from __future__ import annotations

from core.domain import Actor, Role
from core.store.callbacks import Callbacks
from core.store.caller import Json, Once
from core.store.housekeeping import Housekeeping
from core.store.jobs_reads import JobsReads
from core.store.machinery import LEASE_SECONDS, Machinery
from core.store.model_type_reads import ModelTypeReads
from core.store.notifications import Notifications
from core.store.overview_reads import OverviewReads
from core.store.reads import Reads
from core.store.requests import Requests
from core.store.sign_in_links import SignInLinks

__all__ = ["LEASE_SECONDS", "LOCAL_ADMIN", "Json", "Once", "Store"]

# What `refit` commands do on the machine of whoever holds DATABASE_URL.
LOCAL_ADMIN = Actor(kind="system", id="cli", name="command line", role=Role.ADMIN)


class Store(
    Requests,
    Reads,
    OverviewReads,
    ModelTypeReads,
    JobsReads,
    Callbacks,
    Notifications,
    Housekeeping,
    SignInLinks,
    Machinery,
):
    """The SQL functions in their three classes, called in one caller's name."""
