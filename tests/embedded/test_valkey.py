"""What is Valkey's own."""

from __future__ import annotations

import pytest
import redis

from core.embedded.valkey import EmbeddedValkey
from core.errors import EmbeddedServerError


def test_it_listens_on_loopback_only_and_asks_for_a_password(valkey: EmbeddedValkey) -> None:
    url = valkey.start()
    with redis.Redis.from_url(url, decode_responses=True) as client:
        assert client.config_get("bind") == {"bind": "127.0.0.1"}
        assert client.config_get("unixsocket") == {"unixsocket": ""}
    with (
        redis.Redis.from_url(url.replace(valkey.folder.password, "guessed")) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


def test_nothing_is_lost_or_thrown_away(valkey: EmbeddedValkey) -> None:
    with redis.Redis.from_url(valkey.start(), decode_responses=True) as client:
        settings = client.config_get("append*", "maxmemory-policy", "save")
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "everysec"
    assert settings["maxmemory-policy"] == "noeviction"
    assert settings["save"] == ""


def test_a_damaged_append_only_file_is_shown_with_the_log(valkey: EmbeddedValkey) -> None:
    with redis.Redis.from_url(valkey.start()) as client:
        client.set("a", "b")
    valkey.stop()
    for path in (valkey.home / "data" / "appendonlydir").glob("*.incr.aof"):
        path.write_bytes(b"this is no command\r\n" + path.read_bytes())
    with pytest.raises(EmbeddedServerError, match="did not start") as caught:
        valkey.start()
    assert str(valkey.folder.log) in str(caught.value)
    assert "Bad file format" in str(caught.value)
