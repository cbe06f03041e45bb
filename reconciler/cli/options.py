"""Options that several commands share, spelled once."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reconciler.cli.configuration import Format
from reconciler.cli.logs import LOGS
from reconciler.errors import InterruptedRunError, ReconcileError, UsageError

if TYPE_CHECKING:
    from reconciler.undoing import Undone

_Value = TypeVar("_Value")
_Command = TypeVar("_Command", bound=Callable[..., Any])

PATH = click.Path()
_EMITTED = "reconciler.emitted"

Say = Callable[[str], None]

manifest_option = click.option(
    "-f", "--file", "manifest", metavar="MANIFEST", required=True, type=PATH, help="The manifest to compare with."
)
models_option = click.option("--models", metavar="DIR", type=PATH, help="The model directory.")
any_manifest_option = click.option(
    "-f", "--file", "manifest", metavar="MANIFEST", type=PATH, help="The manifest whose model directory is meant."
)
format_option = click.option(
    "--format",
    "format_",
    cls=Format,
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to print the result on standard output.",
)


def _settings(_: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    settings: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not name or not equals or name in settings:
            fault = "was given before" if name in settings else "is not NAME=VALUE"
            raise click.BadParameter(f"{text!r} {fault}", param=parameter)
        settings[name] = value
    return settings


set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_settings,
    help="Value of a variable that spec.variables declares; may be repeated.",
)
override_option = click.option(
    "--override",
    "overrides",
    multiple=True,
    metavar="GUARD",
    help="Let a guard pass, by its name; may be repeated.",
)
verify_option = click.option(
    "--verify", is_flag=True, help="Compare the SHA-256 of models with those that the manifest states."
)
unprotect_option = click.option(
    "--unprotect",
    multiple=True,
    metavar="NAME",
    help="Let a model go that only the last applied manifest protects; may be repeated.",
)


def typed(name: str, value: _Value) -> _Value | None:
    """`value` if its flag was typed, and None if it comes from a variable, a file or a default."""
    source = click.get_current_context().get_parameter_source(name)
    return value if source is click.core.ParameterSource.COMMANDLINE else None


def require_directory(models: str | None, manifest: str | None) -> None:
    """Where neither `--models` nor `-f` is given, there is nothing to look at: a usage error."""
    if models is None and manifest is None:
        raise click.UsageError("name the model directory with --models DIR, or its manifest with -f MANIFEST")


def is_terminal() -> bool:
    """Whether standard output shows colours and tables: a terminal that is not dumb, and NO_COLOR unset."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def checked_overrides(overrides: tuple[str, ...], *also: str) -> frozenset[str]:
    """The names given to `--override`; one that is no guard is a usage error that lists them."""
    if not overrides:
        return frozenset()
    from reconciler.planning.guards import GUARDS

    known = (*GUARDS, *also)
    for name in overrides:
        if name not in known:
            message = f"{name!r} is not a guard; the guards are: {', '.join(known)}"
            raise click.BadParameter(message, param_hint="'--override'")
    return frozenset(overrides)


def seconds(duration: str | None, flag: str) -> float | None:
    """A duration as the manifest spells it, in seconds; one that cannot be read is a usage error."""
    if duration is None:
        return None
    from reconciler.manifest.quantities import parse_seconds

    try:
        return parse_seconds(duration)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=f"'{flag}'") from error


def show_undone(undone: Undone, format_: str) -> None:
    """Print what a rollback or a purge did."""
    if format_ == "json":
        from reconciler.report.machine import undone_document

        emit_json(undone_document(undone))
        return
    from reconciler.report.runs import write_undone

    write_undone(undone, sys.stdout)


def log(line: str) -> None:
    """Log one line of what a run says."""
    LOGS.log(line)


def emit_json(value: object) -> None:
    """Print the one JSON document of a command on standard output."""
    import json

    mark_emitted()
    click.echo(json.dumps(value, indent=2))


def mark_emitted() -> None:
    """Note that the command has printed its result: a failure after that is not printed as one more."""
    click.get_current_context().meta[_EMITTED] = True


def _ours(error: BaseException) -> ReconcileError:
    """The same as an error that has an outcome: click and Python have their own for misuse and for Ctrl-C."""
    if isinstance(error, ReconcileError):
        return error
    if isinstance(error, click.UsageError):
        return UsageError(error.format_message())
    return InterruptedRunError("interrupted; nothing was changed")


def errors_as_documents(command: _Command) -> _Command:
    """In a format that is not for people, a failing command prints its outcome on standard output as well.

    A command that has printed its document already (a blocked plan) does not get a second one.
    Wrappers swallow exit codes; the error itself still goes to standard error.
    """

    @functools.wraps(command)
    def wrapper(*args: Any, **arguments: Any) -> Any:
        try:
            return command(*args, **arguments)
        except (ReconcileError, click.UsageError, click.Abort, KeyboardInterrupt) as error:
            format_ = arguments.get("format_", "text")
            if format_ != "text" and _EMITTED not in click.get_current_context().meta:
                _show_failure(_ours(error), format_, arguments.get("manifest"))
            raise

    return wrapper  # type: ignore[return-value]  # functools.wraps keeps the signature that the type states


def _show_failure(error: ReconcileError, format_: str, manifest: str | None) -> None:
    if format_ == "json":
        from reconciler.report.machine import error_document

        emit_json(error_document(error))
        return
    from reconciler.cli.formats import show_failure

    show_failure(error, format_, manifest)


def say_edited(path: str, changed: bool) -> None:
    """Print what an edit of a manifest came to."""
    from reconciler.names import printable

    click.echo(f"{printable(path)}: {'changed' if changed else 'nothing to change'}")
