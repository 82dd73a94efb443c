"""How the contract signs people in at a real project, tried at the stand-in."""

from __future__ import annotations

import pytest

from core.domain import Role
from core.errors import Forbidden
from core.store import Store
from tests.supabase.project import Project
from tests.supabase.real_project import RealProject, is_named


def test_people_are_made_signed_in_and_removed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in project.environ.items():
        monkeypatch.setenv(name, value)
    assert is_named()
    real = RealProject()

    viewer, nobody = real.sign_in("viewer"), real.sign_in(user_metadata={"ml_role": "admin"})

    assert (viewer.role, nobody.role) == (Role.VIEWER, None)
    assert Store(real.database, actor=viewer).list_model_types() == []
    with pytest.raises(Forbidden, match="no role"):
        Store(real.database, actor=nobody).list_model_types()
    assert len(project.users) == 2
    real.close()
    assert project.users == {}


def test_without_keys_no_real_project_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SUPABASE_SECRET_KEY", "SUPABASE_SERVICE_ROLE_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SUPABASE_URL", "https://x.supabase.co")

    assert not is_named()
