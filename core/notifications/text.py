"""Messages as plain text: for the text part of a mail, and for every channel of Apprise."""

from __future__ import annotations

from collections.abc import Iterator

from core.notifications.message import Message, Table


def as_text(message: Message) -> str:
    """The whole message but its subject."""
    return "\n\n".join(_paragraphs(message)) + "\n"


def _paragraphs(message: Message) -> Iterator[str]:
    yield message.what
    if message.why:
        yield f"Why: {message.why}"
    if message.to_do:
        yield f"What to do: {message.to_do}"
    if message.facts:
        yield "\n".join(f"{label}: {value}" for label, value in message.facts)
    if message.table is not None:
        yield "\n".join(_rows(message.table))
    if message.link:
        yield f"{message.link_label}: {message.link}"
    if message.context:
        yield message.context


def _rows(table: Table) -> Iterator[str]:
    for name, *cells in table.rows:
        named = zip(table.columns[1:], cells, strict=True)
        told = ", ".join(f"{column.lower()}: {cell}" for column, cell in named if cell)
        yield f"- {name} – {told}"
