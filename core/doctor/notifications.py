"""Whether people would hear of anything, and could follow a link."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from core.doctor.findings import Finding, ok, warn
from core.notifications.channels import Kind, channels_from
from core.settings import Settings
from core.store import Store

_RECENT = timedelta(days=1)


def look_at_channels(settings: Settings) -> Iterator[Finding]:
    """The channels make sense; nothing is sent to them."""
    channels = channels_from(settings)
    if not channels:
        # Whoever looks at the dashboard, or lets n8n tell, needs none.
        yield ok("notifications", "No channel is configured: Refit sends no messages.")
        return
    others = [channel for channel in channels if channel.kind is Kind.OTHER]
    unknown = [channel.name for channel in others if not _is_known(channel.url.get_secret_value())]
    for name in unknown:
        yield warn(
            "notifications",
            f"Apprise makes no channel of REFIT_NOTIFY_URLS' {name}.",
            "Look its address up in Apprise's documentation.",
        )
    known = [channel.name for channel in channels if channel.name not in unknown]
    if known:
        yield ok("notifications", f"Messages go to {', '.join(known)}; try: refit notify test.")
    if settings.dashboard_url is None:
        yield warn(
            "notifications",
            "DASHBOARD_URL is not set: messages link nowhere.",
            "Set it to where people reach the dashboard. `refit up` sets its own address.",
        )


def look_at_deliveries(store: Store) -> Iterator[Finding]:
    """Messages of the last day that were given up; the newest 200 are looked at."""
    since = datetime.now(UTC) - _RECENT
    items = store.list_notifications(limit=200)["items"]
    failed = [
        delivery
        for item in items
        if datetime.fromisoformat(item["first_at"]) >= since
        for delivery in item["deliveries"]
        if delivery["status"] == "failed"
    ]
    reasons = {d["channel"]: d["last_error"] for d in reversed(failed)}  # the newest stays
    for channel, count in Counter(d["channel"] for d in failed).items():
        yield warn(
            "notifications",
            f"{channel} did not get {count} message{'s' * (count > 1)} of the last day: "
            f"{reasons[channel]}",
            f"Mend its cause, then try: refit notify test --channel {channel}",
        )


def _is_known(url: str) -> bool:
    from core.notifications.others import is_known

    return is_known(url)
