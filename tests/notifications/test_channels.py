"""Which channels the settings name, what each hears, and what is said of nonsense."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from core.errors import ConfigurationError
from core.notifications.channels import Channel, Kind, channels_from
from core.notifications.events import Event, Severity
from core.notifications.mail_address import MailAddress
from core.notifications.quiet_hours import QuietHours
from core.settings import Settings

MakeSettings = Callable[..., Settings]
MakeChannel = Callable[..., Channel]

SLACK = "https://hooks.slack.com/services/T0/B0/s3cretpart"
MAIL = "smtps://refit:p%23ssword@mail.example.org/?from=refit@example.org&to=ops@example.org"
NEWS = set(Event) - {Event.DIGEST}


def heard(channel: Channel, severity: Severity) -> set[Event]:
    return {event for event in Event if channel.hears(event, severity)}


def test_without_a_variable_there_is_no_channel(settings: MakeSettings) -> None:
    assert channels_from(settings()) == ()
    # Containers pass a variable that their host lacks as an empty one.
    assert channels_from(settings(SLACK_WEBHOOK_URL="", EMAIL_SMTP_CONFIG="")) == ()
    assert channels_from(settings(REFIT_NOTIFY_URLS=" \n ")) == ()


def test_each_kind_hears_by_itself_what_suits_it(settings: MakeSettings) -> None:
    slack, mail, other = channels_from(
        settings(SLACK_WEBHOOK_URL=SLACK, EMAIL_SMTP_CONFIG=MAIL, REFIT_NOTIFY_URLS="json://h/p")
    )

    assert (slack.name, slack.kind, heard(slack, Severity.INFO)) == ("slack", Kind.SLACK, NEWS)
    assert (mail.name, mail.kind) == ("email", Kind.EMAIL)
    assert heard(mail, Severity.INFO) == {Event.DIGEST}
    assert heard(mail, Severity.WARNING) == set(Event)
    assert (other.name, other.kind, heard(other, Severity.INFO)) == ("json", Kind.OTHER, set())
    assert heard(other, Severity.WARNING) == NEWS


def test_what_a_channel_hears_stands_after_the_number_sign_and_is_not_sent(
    channel: MakeChannel,
) -> None:
    chosen = channel(
        SLACK_WEBHOOK_URL=f"{SLACK}#events=degradation+training_failed&severity=warning"
        "&quiet=22:00-07:00&zone=Europe/Amsterdam&name=ops"
    )

    assert chosen.url.get_secret_value() == SLACK
    assert chosen.name == "ops"
    assert heard(chosen, Severity.WARNING) == {Event.DEGRADATION, Event.TRAINING_FAILED}
    assert heard(chosen, Severity.INFO) == set()
    assert str(chosen.quiet) == "22:00-07:00 Europe/Amsterdam"


def test_who_names_events_hears_the_good_news_of_them_too(channel: MakeChannel) -> None:
    chosen = channel(REFIT_NOTIFY_URLS="json://host/#events=training_succeeded,digest")
    everything = channel(REFIT_NOTIFY_URLS="json://host/#events=all")
    critical = channel(REFIT_NOTIFY_URLS="json://host/#events=all&severity=critical")

    assert heard(chosen, Severity.INFO) == {Event.TRAINING_SUCCEEDED, Event.DIGEST}
    assert heard(everything, Severity.INFO) == set(Event)
    # A digest is wanted or not; it has no severity.
    assert heard(critical, Severity.WARNING) == {Event.DIGEST}


def test_any_number_of_further_addresses_get_names_of_their_own(settings: MakeSettings) -> None:
    channels = channels_from(
        settings(
            SLACK_WEBHOOK_URL=f"{SLACK}#name=json",
            REFIT_NOTIFY_URLS="json://a/\n  jsons://b/#name=night json://c/\tjson://d/",
        )
    )

    assert [c.name for c in channels] == ["json", "json-2", "night", "json-3", "json-4"]
    assert channels[2].url.get_secret_value() == "jsons://b/"


def test_a_fragment_of_the_address_itself_stays(channel: MakeChannel) -> None:
    room = channel(REFIT_NOTIFY_URLS="slack://token/#general")
    both = channel(REFIT_NOTIFY_URLS="slack://token/#general#severity=info")

    assert room.url.get_secret_value() == both.url.get_secret_value() == "slack://token/#general"
    assert both.least_severity is Severity.INFO


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (
            {"SLACK_WEBHOOK_URL": f"{SLACK}#events=degraded"},
            "SLACK_WEBHOOK_URL: events knows no 'degraded'; there are degradation, data_quality,",
        ),
        (
            {"SLACK_WEBHOOK_URL": f"{SLACK}#severity=loud"},
            "SLACK_WEBHOOK_URL: severity knows no 'loud'; there are info, warning, critical.",
        ),
        ({"SLACK_WEBHOOK_URL": f"{SLACK}#events="}, "SLACK_WEBHOOK_URL: events names none."),
        ({"SLACK_WEBHOOK_URL": f"{SLACK}#quiet=22-7"}, "write quiet=22:00-07:00"),
        ({"SLACK_WEBHOOK_URL": f"{SLACK}#quiet=07:00-07:00"}, "begins and ends at the same time"),
        ({"SLACK_WEBHOOK_URL": f"{SLACK}#quiet=24:00-07:00"}, "quiet is no span of hours"),
        ({"SLACK_WEBHOOK_URL": f"{SLACK}#quiet=22:00-07:00&zone=Mars/Base"}, "no time zone"),
        ({"SLACK_WEBHOOK_URL": f"{SLACK}#quiet=22:00-07:00&zone=../x"}, "no time zone"),
        ({"SLACK_WEBHOOK_URL": f"{SLACK}#zone=UTC"}, "there is no quiet"),
        ({"SLACK_WEBHOOK_URL": f"{SLACK}#name=Ops Team"}, "SLACK_WEBHOOK_URL: name is no name"),
        ({"SLACK_WEBHOOK_URL": f"{SLACK}#name=a&name=b"}, "name stands there twice"),
        ({"SLACK_WEBHOOK_URL": f"{SLACK}#event=digest"}, "after # may stand events, severity"),
        ({"SLACK_WEBHOOK_URL": "hooks.slack.com/s3cretpart"}, "it is no https:// address"),
        ({"SLACK_WEBHOOK_URL": "https://host:s3cretpart/"}, "it is no https:// address"),
        ({"EMAIL_SMTP_CONFIG": "smtps://u:s3cretpart@/?to=a@b.org"}, "it names no host"),
        ({"EMAIL_SMTP_CONFIG": "mailto://u:s3cretpart@h/"}, "it begins with smtps:// or smtp://"),
        ({"EMAIL_SMTP_CONFIG": "smtps://u:s3cretpart@h:x/"}, "host or port is none"),
        ({"EMAIL_SMTP_CONFIG": "smtps://u:s3cretpart@h/?to=a@b.org"}, "from is missing"),
        ({"EMAIL_SMTP_CONFIG": "smtps://u@b.org:s3cretpart@h/"}, "to is no e-mail address"),
        ({"EMAIL_SMTP_CONFIG": "smtps://a%40b.org:s3cretpart@h/?to=s3cretpart"}, "to holds what"),
        ({"EMAIL_SMTP_CONFIG": "smtps://h/?from=a@b.org&to=a@b.org%0d%0aBcc:%20x@y.org"}, "to "),
        ({"EMAIL_SMTP_CONFIG": "smtps://h/?from=a@b.org&to=a@b.org&key=s3cretpart"}, "from and to"),
        ({"EMAIL_SMTP_CONFIG": "smtps://u:s3cret/part@h/?to=a@b.org"}, "written %2F"),
        ({"EMAIL_SMTP_CONFIG": "smtps://u:s3cr#s3cretpart=@h/"}, "written %23"),
        ({"REFIT_NOTIFY_URLS": "json://a/ s3cretpart"}, "REFIT_NOTIFY_URLS, address 2: it has no"),
        ({"REFIT_NOTIFY_URLS": "json://a/s3cretpart#name=b json://c/#name=b"}, "two channels"),
    ],
)
def test_what_makes_no_sense_is_named_without_its_secret(
    settings: MakeSettings, variables: dict[str, str], said: str
) -> None:
    (variable,) = variables

    with pytest.raises(ConfigurationError) as raised:
        channels_from(settings(**variables))

    text = str(raised.value)
    assert text.startswith(variable)
    assert said in text
    assert "s3cret" not in text
    assert "docs/notifications.md" in text
    # A cause would show it in a trace.
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


def test_a_channel_does_not_show_its_address(channel: MakeChannel) -> None:
    assert "s3cret" not in repr(channel(SLACK_WEBHOOK_URL=SLACK))


# Mail addresses ------------------------------------------------------------------------------


def test_mail_has_several_readers_and_a_password_with_any_letter() -> None:
    address = MailAddress.parse(
        "smtps://refit%40example.org:p%23s%2Fs%3F@mail.example.org:4465/"
        "?to=Ops%20Team%20<ops+ml@example.org>,b@example.org&to=c@example.org"
    )

    assert (address.host, address.port, address.encrypted) == ("mail.example.org", 4465, True)
    assert address.password is not None
    assert address.password.get_secret_value() == "p#s/s?"
    # Who signs in writes, unless somebody else is named.
    assert address.sender.addr_spec == "refit@example.org"
    assert [str(reader) for reader in address.recipients] == [
        "Ops Team <ops+ml@example.org>",
        "b@example.org",
        "c@example.org",
    ]


def test_the_port_follows_the_scheme() -> None:
    query = "?from=a@x.org&to=b@x.org"

    assert MailAddress.parse(f"smtp://host{query}").port == 587
    assert MailAddress.parse(f"smtps://host{query}").port == 465


# Quiet hours ---------------------------------------------------------------------------------

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def local(*parts: int, fold: int = 0) -> datetime:
    return datetime(*parts, tzinfo=AMSTERDAM, fold=fold)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (local(2026, 7, 1, 21, 59), None),
        (local(2026, 7, 1, 22, 0), local(2026, 7, 2, 7, 0)),
        (local(2026, 7, 1, 23, 59), local(2026, 7, 2, 7, 0)),
        (local(2026, 7, 2, 6, 59), local(2026, 7, 2, 7, 0)),
        (local(2026, 7, 2, 7, 0), None),
        # The nights on which the clocks change.
        (local(2026, 10, 24, 23, 0), local(2026, 10, 25, 7, 0)),
        (local(2026, 10, 25, 2, 30, fold=1), local(2026, 10, 25, 7, 0)),
        (local(2026, 3, 28, 23, 0), local(2026, 3, 29, 7, 0)),
    ],
)
def test_quiet_hours_go_by_the_clock_of_their_zone_across_midnight(
    now: datetime, until: datetime | None
) -> None:
    hours = QuietHours.parse("22:00-07:00", "Europe/Amsterdam")

    # Asked in UTC: the worker's own zone does not matter.
    found = hours.quiet_until(now.astimezone(UTC))

    assert found == (until and until.astimezone(UTC))


def test_quiet_hours_within_a_day() -> None:
    hours = QuietHours.parse("12:30-13:15", "UTC")
    noon = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)

    assert hours.quiet_until(noon) is None
    assert hours.quiet_until(noon + timedelta(minutes=45)) == noon + timedelta(minutes=75)
    assert hours.quiet_until(noon + timedelta(minutes=75)) is None


def test_quiet_hours_that_end_in_the_hour_that_comes_twice_end_once() -> None:
    hours = QuietHours.parse("22:00-02:30", "Europe/Amsterdam")

    first, second = local(2026, 10, 25, 2, 20), local(2026, 10, 25, 2, 20, fold=1)

    assert hours.quiet_until(first.astimezone(UTC)) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert hours.quiet_until(second.astimezone(UTC)) is None


def test_quiet_hours_that_begin_in_the_hour_that_is_missing_begin_after_it() -> None:
    hours = QuietHours.parse("02:30-06:00", "Europe/Amsterdam")
    change = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)  # 02:00 becomes 03:00

    assert hours.quiet_until(change + timedelta(minutes=29)) is None
    assert hours.quiet_until(change + timedelta(minutes=31)) == datetime(2026, 3, 29, 4, tzinfo=UTC)


# Loading -------------------------------------------------------------------------------------


def test_channels_are_read_without_apprise_or_what_sends(tmp_path: Path) -> None:
    script = (
        "import sys; from core.notifications.channels import channels_from\n"
        "from core.notifications.messages import compose; import core.notifications.sending\n"
        "print(sorted({'apprise', 'jinja2', 'httpx', 'smtplib'} & set(sys.modules)))"
    )
    root = Path(__file__).resolve().parents[2]

    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False
    )

    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.strip() == "[]"
