"""Whether people would hear of anything, and could follow a link."""

from __future__ import annotations

from collections.abc import Iterator

from core.doctor.findings import Finding, ok, warn
from core.notifications.channels import Kind, channels_from
from core.settings import Settings


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


def _is_known(url: str) -> bool:
    from core.notifications.others import is_known

    return is_known(url)
