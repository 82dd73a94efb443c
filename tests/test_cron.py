"""When a cron expression fires in its time zone, and which ones are refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.errors import InvalidRequest
from core.schedules import next_run, require_cron


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        ("0 */4 * * *", "UTC", "2026-03-01T09:30:00+00:00", "2026-03-01T12:00:00+00:00"),
        ("30 3 * * 0", "UTC", "2026-03-01T03:30:00+00:00", "2026-03-08T03:30:00+00:00"),
        # A local time is earlier or later in UTC, and so may be its day.
        ("0 0 * * *", "Asia/Tokyo", "2026-03-01T14:00:00+00:00", "2026-03-01T15:00:00+00:00"),
        ("0 9 1 * *", "America/New_York", "2026-01-31T23:00:00-05:00", "2026-02-01T14:00:00+00:00"),
        # Summer time begins in Amsterdam: 9 o'clock is an hour earlier by UTC.
        ("0 9 * * *", "Europe/Amsterdam", "2026-03-27T12:00:00+00:00", "2026-03-28T08:00:00+00:00"),
        ("0 9 * * *", "Europe/Amsterdam", "2026-03-28T12:00:00+00:00", "2026-03-29T07:00:00+00:00"),
        # 2:30 does not exist on that day: it fires when the clock jumps.
        (
            "30 2 * * *",
            "Europe/Amsterdam",
            "2026-03-28T12:00:00+00:00",
            "2026-03-29T01:00:00+00:00",
        ),
        # 2:30 exists twice when summer time ends: it fires the first time,
        (
            "30 2 * * *",
            "Europe/Amsterdam",
            "2026-10-24T12:00:00+00:00",
            "2026-10-25T00:30:00+00:00",
        ),
        # and not again.
        (
            "30 2 * * *",
            "Europe/Amsterdam",
            "2026-10-25T00:30:00+00:00",
            "2026-10-26T01:30:00+00:00",
        ),
        # Nor when a late tick looks in the repeated hour, at 2:10 for the second time.
        (
            "30 2 * * *",
            "Europe/Amsterdam",
            "2026-10-25T01:10:00+00:00",
            "2026-10-26T01:30:00+00:00",
        ),
        # With a star in the minute or the hour it goes by the clock: a skipped hour is skipped.
        (
            "*/20 2 * * *",
            "Europe/Amsterdam",
            "2026-03-28T12:00:00+00:00",
            "2026-03-30T00:00:00+00:00",
        ),
    ],
)
def test_the_next_run_is_in_local_time(cron: str, zone: str, after: str, expected: str) -> None:
    found = next_run(cron, zone, datetime.fromisoformat(after))

    assert found.astimezone(UTC) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    ("cron", "zone", "said"),
    [
        ("61 * * * *", "UTC", "cron '61 * * * *' means nothing"),
        ("soon", "UTC", "cron 'soon' has not five fields"),
        ("0 0 31 2 *", "UTC", "cron '0 0 31 2 *'"),
        ("0 0 * * * *", "UTC", "cron '0 0 * * * *' has not five fields"),
        ("0  0 * * *", "UTC", "cron '0  0 * * *' has not five fields"),
        ("0 0 * * *", "Europe/Atlantis", "time_zone 'Europe/Atlantis' is not known"),
        ("0 0 * * *", "Europe", "time_zone 'Europe' is not known"),
        ("0 0 * * *", "", "time_zone '' is not known"),
    ],
)
def test_what_never_fires_is_refused_by_name(cron: str, zone: str, said: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        require_cron(cron, zone)

    # A request that brought it is told which of its fields is wrong: by the first word.
    assert caught.value.message.startswith(said)


def test_an_hourly_schedule_runs_in_both_of_the_repeated_hours() -> None:
    runs = [datetime.fromisoformat("2026-10-25T01:30:00+02:00")]
    for _ in range(3):
        runs.append(next_run("0 * * * *", "Europe/Amsterdam", runs[-1]))

    assert [run.astimezone(UTC).isoformat()[11:16] for run in runs[1:]] == [
        "00:00",
        "01:00",
        "02:00",
    ]


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
@pytest.mark.parametrize(
    "cron", ["30 2 * * *", "*/20 2 * * *", "15 1-3 * * *", "0 */2 * * *", "59 23,0 * * *"]
)
def test_the_next_run_is_always_later(cron: str, day: str) -> None:
    midnight = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    for minutes in range(-180, 240, 5):
        after = midnight + timedelta(minutes=minutes)

        assert next_run(cron, "Europe/Amsterdam", after).astimezone(UTC) > after
