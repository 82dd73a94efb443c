"""Machine keys that are remembered: never longer than half a minute, never beyond their end."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from core.domain import Actor, Role, StandingKey
from core.errors import DatabaseUnavailable
from core.store import Store
from core.web.key_cache import FOUND_S, MISSED_S, KeyCache

ACTOR = Actor(kind="key", id="1", name="n8n", role=Role.OPERATOR)


class Keys:
    """The keys that stand, how often they were looked up, and a clock."""

    def __init__(self, *, expires_in_s: float | None = None) -> None:
        self.standing: dict[str, StandingKey] = {
            "hash": StandingKey(actor=ACTOR, expires_in_s=expires_in_s)
        }
        self.looked_up: list[str] = []
        self.now = 1000.0
        self.cache = KeyCache(self._find, clock=lambda: self.now)

    def _find(self, key_hash: str) -> StandingKey | None:
        self.looked_up.append(key_hash)
        return self.standing.get(key_hash)


def test_a_key_is_looked_up_once_in_half_a_minute() -> None:
    keys = Keys()

    for _ in range(29):
        assert keys.cache.find("hash") == ACTOR
        keys.now += 1

    assert keys.looked_up == ["hash"]


def test_a_revoked_key_is_refused_within_thirty_seconds() -> None:
    keys = Keys()
    assert keys.cache.find("hash") == ACTOR
    keys.standing.clear()

    keys.now += FOUND_S

    assert FOUND_S <= 30
    assert keys.cache.find("hash") is None


def test_a_key_ends_to_the_moment_though_it_is_remembered() -> None:
    keys = Keys(expires_in_s=7.5)
    assert keys.cache.find("hash") == ACTOR
    keys.standing.clear()

    keys.now += 7.25
    assert keys.cache.find("hash") == ACTOR
    keys.now += 0.25
    assert keys.cache.find("hash") is None


def test_a_key_that_nobody_has_is_remembered_for_a_few_seconds_only() -> None:
    keys = Keys()

    assert keys.cache.find("made later") is None
    keys.standing["made later"] = StandingKey(actor=ACTOR, expires_in_s=None)
    keys.now += MISSED_S - 1
    assert keys.cache.find("made later") is None
    assert keys.looked_up == ["made later"]

    keys.now += 1
    assert keys.cache.find("made later") == ACTOR


def test_guessing_pushes_no_standing_key_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.web.key_cache._MOST", 10)
    keys = Keys()
    assert keys.cache.find("hash") == ACTOR

    for number in range(100):
        assert keys.cache.find(f"guess {number}") is None
    keys.cache.find("hash")

    assert keys.looked_up.count("hash") == 1
    assert not keys.cache.has_met("guess 0")
    assert keys.cache.has_met("guess 99")


def test_a_key_stays_known_when_it_must_be_looked_up_again() -> None:
    keys = Keys()
    assert not keys.cache.has_met("hash")
    keys.cache.find("hash")

    keys.now += 10 * FOUND_S

    assert keys.cache.has_met("hash")


def test_a_look_up_that_fails_is_not_remembered() -> None:
    answers: list[StandingKey | DatabaseUnavailable] = [
        DatabaseUnavailable("The database does not answer."),
        StandingKey(actor=ACTOR, expires_in_s=None),
    ]

    def find(_: str) -> StandingKey | None:
        answer = answers.pop(0)
        if isinstance(answer, DatabaseUnavailable):
            raise answer
        return answer

    cache = KeyCache(find)
    with pytest.raises(DatabaseUnavailable):
        cache.find("hash")

    assert cache.find("hash") == ACTOR


def test_the_database_says_when_a_key_is_revoked(store: Store) -> None:
    name, key_hash = f"key {uuid4()}", uuid4().hex * 2
    store.create_api_key(name=name, role=Role.VIEWER, key_hash=key_hash)
    cache = KeyCache(store.find_standing_key, found_s=0.4)
    assert cache.find(key_hash) is not None
    store.revoke_api_key(name)

    assert cache.find(key_hash) is not None
    time.sleep(0.4)
    assert cache.find(key_hash) is None


def test_the_database_says_when_a_key_expires(store: Store) -> None:
    key_hash = uuid4().hex * 2
    ends = datetime.now(UTC) + timedelta(seconds=0.8)
    store.create_api_key(
        name=f"key {uuid4()}", role=Role.VIEWER, key_hash=key_hash, expires_at=ends
    )
    cache = KeyCache(store.find_standing_key)
    assert cache.find(key_hash) is not None

    while datetime.now(UTC) < ends:
        time.sleep(0.01)

    assert cache.find(key_hash) is None
