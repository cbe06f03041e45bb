"""What the user typed: one small file a command. The only place that prints and exits.

Importing this package imports click and nothing else of weight; a command's file is imported when it is called.
"""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
from copy import copy
from importlib import import_module
from typing import NoReturn

import click

from reconciler import __version__
from reconciler.cli import configuration
from reconciler.cli.logs import ERROR, LOGS
from reconciler.errors import ReconcileError, UsageError
from reconciler.names import harmless, printable

_COMMANDS = {
    "plan": "Show what would be deleted, and why.",
    "apply": "Delete what a plan names, once nothing holds it.",
    "audit": "Show every model, its verdict and why.",
    "list": "Show what the engine and the disk have.",
    "holders": "Show which processes hold which model.",
    "rollback": "Put back what a run removed.",
    "purge": "Remove for good what is in quarantine.",
    "history": "Show what was done, when and by whom.",
    "show": "Show a plan file, or one run.",
    "report": "Write a page to look at: a plan, a run, or the history.",
    "explain": "Show which rules look at a model, and why its verdict is what it is.",
    "diff": "Show what the change of a manifest means, in rules and in models.",
    "validate": "Check manifests; needs no engine.",
    "render": "Print manifests with all they extend and their variables put in.",
    "fmt": "Bring manifests into the one layout.",
    "allow": "Allow models by name.",
    "deny": "Deny the models that a glob matches.",
    "remove": "Remove rules from a manifest.",
    "pin": "Write size and SHA-256 of the models on disk into a manifest.",
    "init": "Print a manifest of the models in a directory.",
    "schema": "Print the JSON Schema of manifests, for editors.",
    "doctor": "Check this host and its model directory, and say what to do.",
    "config": "Show which settings are in force, and where they come from.",
    "completion": "Print the completion script of a shell.",
}
"""Every command with its line in the overview, in the order that a newcomer needs them."""

_EPILOG = """\b
Examples:
  ocr-reconcile audit -f manifests/quickstart.yaml
  ocr-reconcile plan -f manifests/quickstart.yaml --out plan.json
  ocr-reconcile apply plan.json
"""


class _Commands(click.Group):
    """Imports the file of a command when the command is called, and not for the overview."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command = import_module(f"reconciler.cli.{cmd_name}_command").command
        assert isinstance(command, click.Command)  # noqa: S101  # narrows the type; a test imports them all
        described = copy(command)
        configuration.name_variables(described, cmd_name)
        described.help = f"{_COMMANDS[cmd_name]}\n\n{command.help or ''}"
        return described

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Commands, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-v", "--verbose", is_flag=True, help="Log what is being done.")
@click.option("-q", "--quiet", is_flag=True, help="Log warnings and errors only.")
@click.option(
    "--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to log."
)
@click.option("--config", metavar="FILE", type=click.Path(), help="Read this configuration; default: the nearest one.")
@click.option("--isolated", is_flag=True, help="Read no configuration file.")
@click.version_option(__version__, "-V", "--version", prog_name="ocr-reconcile")
@click.pass_context
def group(
    context: click.Context,
    verbose: bool,  # noqa: ARG001  # these three: as configured, from the context
    quiet: bool,  # noqa: ARG001
    log_format: str,  # noqa: ARG001
    config: str | None,
    isolated: bool,
) -> None:
    """Keep OCR model files exactly as a manifest in Git says.

    Compares the models that a manifest allows with what the OCR engine lists and the disk has, shows what it
    would delete and why, and deletes it only when it is proven that nothing holds the files.
    """
    configuration.apply(context, None if isolated else config or "")
    told = context.params
    LOGS.configure(verbose=told["verbose"], quiet=told["quiet"], format_=told["log_format"])


configuration.name_variables(group, "")


def main() -> NoReturn:
    """Run the command line and exit with a documented code."""
    _ready_streams()
    _end_orderly()
    try:
        code = group.main(prog_name="ocr-reconcile", standalone_mode=False, terminal_width=_help_width())
        sys.stdout.flush()
    except ReconcileError as error:
        code = _report(str(error), error.exit_code)
    except click.UsageError as error:
        code = UsageError.exit_code
        if LOGS.json:
            _report(error.format_message(), code)
        else:
            error.show()
    except click.ClickException as error:
        code = _report(error.format_message(), 1)
    except (click.Abort, KeyboardInterrupt):
        code = _report("interrupted; nothing was changed", 130)
    except BrokenPipeError:
        sys.stdout = None  # the reader is gone, and flushing at exit would only complain about it
        code = 1
    except OSError as error:  # no working directory, no room for the output
        gone = "working directory" if isinstance(error, FileNotFoundError) else "standard output"
        if error.errno in {errno.EMFILE, errno.ENFILE}:
            gone = "this process"
        code = _report(f"{printable(str(error.filename or gone))}: {error.strerror}; repair that and run again", 1)
        sys.stdout = None
    gc.freeze()  # cycles are not looked for at the end either, where that takes a tenth of a short command
    sys.exit(code)


def _help_width() -> int:
    """The columns of a help text, as click finds them: it imports shutil for that, with every way of compression."""
    try:
        columns = int(os.environ.get("COLUMNS") or 0) or os.get_terminal_size().columns
    except (ValueError, OSError):
        columns = 0
    return max(min(columns or 80, 80) - 2, 50)


def _end_orderly() -> None:
    """Let a supervisor that ends us be what Ctrl-C is: the engine's process and its directory must go with us."""

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup has it ignored
            signal.signal(number, interrupt)


def _ready_streams() -> None:
    """Make output possible whatever was inherited: a closed descriptor, or an encoding without some character."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass  # a file opened later must not become standard output
    os.close(descriptor)
    for name, number in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w", closefd=False))
        getattr(sys, name).reconfigure(errors="backslashreplace")


def _report(message: str, code: int) -> int:
    """Print an error. Its names are escaped already; what a library put into it may still hold anything."""
    from reconciler.redaction import redacted

    safe = redacted(harmless(message))
    if LOGS.json:
        LOGS.log(safe, ERROR, exit_code=code)
    else:
        click.echo(f"error: {safe}", err=True)
    return code
