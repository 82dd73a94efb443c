"""The command line, ``refit …``: Typer for the commands, Rich for what a person reads."""

from __future__ import annotations


def main() -> None:
    """Run ``refit`` with the arguments of this process; the entry point of the console script."""
    from core.cli.app import app

    app(prog_name="refit")
