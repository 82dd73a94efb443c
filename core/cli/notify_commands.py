"""`refit notify`: where messages go, what was told, and whether a channel works."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.options import JsonOutput
from core.cli.output import local_time, note, print_json, print_table, say
from core.cli.session import open_session
from core.errors import ConfigurationError, NotFound
from core.notifications.events import Event
from core.settings import Settings, get_settings

if TYPE_CHECKING:
    from core.notifications.channels import Channel

notify = typer.Typer(help="Notifications: channels, what they were told, and a test message.")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(notify, name="notify")


@notify.command("channels")
def list_channels(as_json: JsonOutput = False) -> None:
    """Show where messages go and what each channel hears; of no address anything."""
    from core.notifications.channels import channels_from

    channels = channels_from(get_settings())
    if as_json:
        print_json({"items": [_shown(channel) for channel in channels]})
        return
    if not channels:
        note(f"No channel is configured. {_CONFIGURE}")
        return
    rows = [(c.name, c.kind.value, _events(c), c.least_severity.value, c.quiet) for c in channels]
    print_table(["name", "kind", "events", "from severity", "quiet"], rows)


@notify.command("test")
def send_test(
    channel: Annotated[
        str | None, typer.Option("--channel", help="Only this one; default: each.")
    ] = None,
) -> None:
    """Send a test message to each channel now, also to one that is quiet."""
    from core.log import configure_logging
    from core.notifications.messages import example_message

    # What came of it is told below, in one line for each.
    configure_logging("CRITICAL")
    settings = get_settings()
    message = example_message(_dashboard_url(settings), datetime.now(UTC))
    results = [_told(one, message) for one in _chosen(settings, channel)]
    if not all(results):
        raise typer.Exit(1)


@notify.command("list")
def list_notifications(
    model_type: Annotated[str | None, typer.Argument(help="Default: all.")] = None,
    event: Annotated[Event | None, typer.Option("--event", help="Only these.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="At most so many.")] = 20,
    as_json: JsonOutput = False,
) -> None:
    """Show what people were to be told, newest first, and what came of it."""
    with open_session() as session:
        answer = session.store.list_notifications(model_type=model_type, event=event, limit=limit)
    if as_json:
        print_json(answer)
        return
    for item in answer["items"]:
        about = item["model_type"] or "all model types"
        say(f"{local_time(item['first_at'])}  {item['severity']}  {item['event']}  {about}")
        if item["plan_error"]:
            say(f"    nobody could be chosen: {item['plan_error']}")
        for delivery in item["deliveries"]:
            say(f"    {delivery['channel']}: {_standing(delivery)}")
    if answer["next_cursor"]:
        note(f"There are older ones: --limit shows up to 200, these are {limit}.")


_CONFIGURE = "Set SLACK_WEBHOOK_URL, EMAIL_SMTP_CONFIG or REFIT_NOTIFY_URLS: docs/notifications.md."


def _dashboard_url(settings: Settings) -> str | None:
    """The configured one, or that of a running `refit up`."""
    from core.cli.served_address import find_served_address

    return settings.dashboard_url or find_served_address(settings.home)


def _chosen(settings: Settings, name: str | None) -> list[Channel]:
    from core.notifications.channels import channels_from

    channels = channels_from(settings)
    if not channels:
        raise ConfigurationError("No channel is configured.", hint=_CONFIGURE)
    chosen = [channel for channel in channels if name in {None, channel.name}]
    if not chosen:
        known = ", ".join(channel.name for channel in channels)
        raise NotFound(f"There is no channel {name!r}.", hint=f"There are: {known}.")
    return chosen


def _told(channel: Channel, message: Any) -> bool:
    from core.notifications.sending import NotDelivered, send

    try:
        remark = send(channel, message)
    except NotDelivered as exc:
        say(f"{channel.name}: not delivered. {exc.reason}")
        return False
    say(f"{channel.name}: delivered.{f' {remark}' if remark else ''}")
    return True


def _shown(channel: Channel) -> dict[str, Any]:
    quiet = channel.quiet
    return {
        "name": channel.name,
        "kind": channel.kind,
        "events": [event for event in Event if event in channel.events],
        "least_severity": channel.least_severity,
        "quiet": quiet
        and {
            "from": f"{quiet.start:%H:%M}",
            "until": f"{quiet.end:%H:%M}",
            "zone": quiet.zone.key,
        },
    }


def _events(channel: Channel) -> str:
    """All but a few, where that is shorter."""
    missing = [event.value for event in Event if event not in channel.events]
    if len(missing) > len(Event) / 2:
        return ", ".join(event.value for event in Event if event in channel.events)
    return f"all but {', '.join(missing)}" if missing else "all"


def _standing(delivery: dict[str, Any]) -> str:
    """Where one message stands."""
    status, telling = delivery["status"], delivery["telling"]
    if status == "withheld":
        return f"{telling}, not sent ({delivery['withheld_because'].replace('_', ' ')})"
    when = delivery["delivered_at"] or delivery["next_attempt_at"]
    due = f", {'next ' if status == 'pending' else ''}{local_time(when)}" if when else ""
    error = f": {delivery['last_error']}" if delivery["last_error"] else ""
    return f"{telling}, {status}{due}{error}"
