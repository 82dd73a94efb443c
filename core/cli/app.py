"""The commands put together, and what an error of any of them looks like."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from core import __version__
from core.cli import (
    alert_commands,
    audit_commands,
    backtest_command,
    dashboard_command,
    data_commands,
    health_command,
    history_command,
    key_commands,
    model_commands,
    model_import_command,
    model_type_commands,
    notify_commands,
    predict_command,
    psql_command,
    retrain_command,
    schedule_commands,
    server_commands,
    status_command,
    up_command,
    user_commands,
    webhook_commands,
    why_command,
)
from core.errors import RefitError

_INTERRUPTED = 130  # what a shell reports of a program that Ctrl-C ended
_DEMO = "core.demo.command"


class RefitGroup(TyperGroup):
    """All commands; an error is one line on standard error, ``--debug`` adds the trace."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command and end the process with its exit code: 1 for an error, 2 for misuse."""
        del standalone_mode, windows_expand_args  # there is one way to end, and no Windows
        arguments, debug = _without_debug(sys.argv[1:] if args is None else args)
        try:
            result = super().main(
                arguments, prog_name or "refit", complete_var, standalone_mode=False, **extra
            )
        except TyperException as exc:
            _fail(f"{_misuse_text(exc)}. {_help_of(exc)}", exc, debug=debug)
            sys.exit(exc.exit_code)
        except typer.Abort:
            sys.exit(1)
        except RefitError as exc:
            _fail(str(exc), exc, debug=debug)
            sys.exit(1)
        except BrokenPipeError:
            # Whoever read our output (head, less) has seen enough.
            sys.stderr.close()
            sys.exit(1)
        except Exception as exc:  # noqa: BLE001 — whatever it is, a person gets one line
            _fail(f"{type(exc).__name__}: {exc} (--debug shows where.)", exc, debug=debug)
            sys.exit(1)
        if result == _INTERRUPTED:
            sys.stderr.write("Stopped.\n")
        # What a command returns is nothing; a number is the code of typer.Exit.
        sys.exit(result if isinstance(result, int) else 0)


def _without_debug(arguments: Sequence[str]) -> tuple[list[str], bool]:
    """``--debug`` may stand anywhere before ``--``."""
    listed = list(arguments)
    end = listed.index("--") if "--" in listed else len(listed)
    own = [argument for argument in listed[:end] if argument != "--debug"]
    return own + listed[end:], len(own) < end


def _misuse_text(exc: TyperException) -> str:
    # The parser adds the kind of exception to some messages; it tells a person nothing.
    return exc.format_message().replace(": Value error, ", ": ").rstrip(".")


def _help_of(exc: TyperException) -> str:
    context = getattr(exc, "ctx", None)
    return f"See `{context.command_path} --help`." if context else ""


def _fail(message: str, exc: BaseException, *, debug: bool) -> None:
    if debug:
        traceback.print_exception(exc, file=sys.stderr)
    sys.stderr.write(f"error: {' '.join(message.split())}\n")


app = typer.Typer(
    cls=RefitGroup,
    help="Keeps scikit-learn models that live beside a Supabase database fresh.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
    # Taken out of the arguments before they are parsed; stands here for --help.
    debug: Annotated[bool, typer.Option("--debug", help="Show the trace of an error.")] = False,
) -> None:
    """Show the version or the help when no command is named."""
    del debug
    if version:
        typer.echo(f"refit {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


for module in (
    up_command,
    dashboard_command,
    server_commands,
    health_command,
    psql_command,
    data_commands,
    model_type_commands,
    retrain_command,
    model_commands,
    model_import_command,
    predict_command,
    backtest_command,
    status_command,
    history_command,
    why_command,
    schedule_commands,
    alert_commands,
    key_commands,
    user_commands,
    webhook_commands,
    notify_commands,
    audit_commands,
):
    module.add_to(app)


def _add_demo() -> None:
    """`refit demo`, when its package is there; its libraries are loaded when it runs."""
    if importlib.util.find_spec("core.demo") and importlib.util.find_spec(_DEMO):
        importlib.import_module(_DEMO).add_to(app)


_add_demo()
