"""Where the value of an option comes from: a flag, over `OCR_RECONCILE_*`, over a file, over its default.

The file is `ocr-reconcile.toml`, or `pyproject.toml` with a table `[tool.ocr-reconcile]`: the nearest one from the
working directory upwards. A file must never be able to lift a protection, because whoever can place it in some
directory is not whoever starts the command: it may set the options in `IN_FILES` and no others.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import click
from click.core import ParameterSource

from reconciler.errors import UsageError
from reconciler.names import printable

PREFIX = "OCR_RECONCILE_"
IN_FILES = frozenset(
    {"file", "format", "metrics-file", "wait", "detailed-exitcode", "verbose", "quiet", "log-format", "verify"}
)
"""What a file may set: nothing that answers a question, lets a guard pass, accepts a risk or widens what is removed."""

_PATHS = frozenset({"file", "metrics-file"})
"""Options that are paths: in a file they are relative to its directory."""

_NOT_FROM_OUTSIDE = frozenset({"help", "version", "isolated", "models", "all"})
"""Flags only. `--models` stands beside `-f`: from outside it would override the manifest that was typed."""
_TAKEN_AS_TYPED = frozenset({"show"})
"""Commands in which `-f` changes what the argument means, so that it must be typed."""

FORMATS = ("text", "json", "markdown", "github", "gitlab")

_FOUND = "reconciler.configuration"
_TOML, _PROJECT, _TABLE = "ocr-reconcile.toml", "pyproject.toml", "ocr-reconcile"
_MAY_HAVE_TABLE = re.compile(rb"\btool[\"'\s]*(?:\.[\"'\s]*ocr-reconcile|[]=])")
"""Every way to write the table: `[tool.ocr-reconcile]`, `[tool]` above its keys, `tool = {…}`."""


Known = Callable[[], Mapping[str, Iterable[str]]]
"""Gives the options of every command, of which the files are imported only where there is a file to check."""


class Configuration(NamedTuple):
    """What a file sets: `shared` for every command that has the option, `commands` for one; no `path`, no file."""

    path: str = ""
    shared: Mapping[str, Any] = {}
    commands: Mapping[str, Mapping[str, Any]] = {}

    def defaults(self, command: str, parameters: Iterable[click.Parameter]) -> dict[str, Any]:
        """The values for the parameters of one command, by their names in click."""
        told = {**self.shared, **self.commands.get(command, {})}
        found: dict[str, Any] = {}
        for parameter in parameters:
            name = flag_of(parameter)
            if name in told and not (name == "file" and command in _TAKEN_AS_TYPED):
                found[str(parameter.name)] = self._value(name, told[name])
        return found

    def _value(self, name: str, value: Any) -> Any:
        return os.path.join(os.path.dirname(self.path), value) if name in _PATHS else value


class Format(click.Option):
    """`--format`: what is configured for every command counts where a command has that format, and not elsewhere."""

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        """As click does; a format that was typed, or set for this very command, stays and is refused."""
        value, source = super().consume_value(ctx, opts)
        found: Configuration = ctx.meta.get(_FOUND, Configuration())
        own = source is ParameterSource.DEFAULT_MAP and "format" in found.commands.get(str(ctx.info_name), {})
        if source is ParameterSource.COMMANDLINE or own or not self.lacks(value):
            return value, source
        return self.default, ParameterSource.DEFAULT

    def lacks(self, value: object) -> bool:
        """Whether `value` is a format that other commands have, and this one has not."""
        return value in FORMATS and isinstance(self.type, click.Choice) and value not in self.type.choices


def flag_of(parameter: click.Parameter) -> str:
    """The long name of an option without its dashes; empty for an argument."""
    long = [name for name in parameter.opts if name.startswith("--")]
    return long[0].removeprefix("--") if isinstance(parameter, click.Option) and long else ""


def name_variables(command: click.Command, name: str) -> None:
    """Let every option of the command `name` be set by its variable: `OCR_RECONCILE_` and the flag in capitals."""
    for parameter in command.params:
        flag = flag_of(parameter)
        if not flag or flag in _NOT_FROM_OUTSIDE or (flag == "file" and name in _TAKEN_AS_TYPED):
            continue
        parameter.envvar = PREFIX + flag.upper().replace("-", "_")


def find_configuration(directory: str, known: Known) -> Configuration:
    """The nearest file at or above `directory`. Raises UsageError."""
    for folder in _upwards(os.path.abspath(directory)):
        for name in (_TOML, _PROJECT):
            found = _read(os.path.join(folder, name), known, trusted=False)
            if found:
                return found
    return Configuration()


def read_configuration(path: str, known: Known) -> Configuration:
    """The file that was named: it is believed whoever owns it. Raises UsageError."""
    found = _read(os.path.abspath(path), known, trusted=True)
    if found is None:
        raise UsageError(f"{printable(path)}: no such file, or no [tool.{_TABLE}] in it; correct --config")
    return found


def _upwards(directory: str) -> Iterator[str]:
    while True:
        yield directory
        above = os.path.dirname(directory)
        if above == directory:
            return
        directory = above


def _read(path: str, known: Known, *, trusted: bool) -> Configuration | None:
    try:
        with open(path, "rb") as file:
            content, status = file.read(), os.fstat(file.fileno())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if os.path.basename(path) == _PROJECT and not trusted:
            return None  # most are not about us
        raise UsageError(f"{printable(path)}: cannot be read: {error.strerror}; or pass --isolated") from error
    table = _table(path, content)
    if table is None:
        return None
    if not trusted:
        _refuse_strangers(path, status)
    return _checked(path, table, known())


def _table(path: str, content: bytes) -> dict[str, Any] | None:
    project = os.path.basename(path) == _PROJECT
    if project and not _MAY_HAVE_TABLE.search(content):
        return None  # before the parser is imported: start-up is a feature
    import tomllib

    try:
        document = tomllib.loads(content.decode())
    except ValueError as error:
        raise UsageError(f"{printable(path)}: is not TOML: {printable(str(error))}; correct it") from error
    if not project:
        return document
    table = document.get("tool", {}).get(_TABLE)
    return table if isinstance(table, dict) else None


def _refuse_strangers(path: str, status: os.stat_result) -> None:
    """A file found above the working directory may be anybody's: `/tmp/ocr-reconcile.toml`, for one."""
    why = ""
    if status.st_uid not in {0, os.geteuid()}:
        why = f"belongs to user {status.st_uid}"
    elif status.st_mode & stat.S_IWOTH:
        why = "may be written by everybody"
    if why:
        raise UsageError(f"{printable(path)}: {why}, so it is not believed; name it with --config, or pass --isolated")


def _checked(path: str, table: dict[str, Any], known: Mapping[str, Iterable[str]]) -> Configuration:
    shared = {key: value for key, value in table.items() if not isinstance(value, dict)}
    commands = {key: value for key, value in table.items() if isinstance(value, dict)}
    every = {name for names in known.values() for name in names}
    _refuse_keys(path, "", shared, every)
    for command, settings in commands.items():
        if command not in known:
            message = f"[{printable(command)}] is no command; the commands are: {', '.join(known)}"
            raise UsageError(f"{printable(path)}: {message}")
        _refuse_keys(path, f"[{command}] ", settings, known[command])
    return Configuration(path, shared, commands)


def _refuse_keys(path: str, where: str, settings: Mapping[str, Any], known: Iterable[str]) -> None:
    for key, value in settings.items():
        place = f"{printable(path)}: {where}{printable(key)}"
        if key not in IN_FILES and key in known:
            variable = PREFIX + key.upper().replace("-", "_")
            told = f"pass --{key}" + ("" if key in _NOT_FROM_OUTSIDE else f", or set {variable}")
            raise UsageError(f"{place}: may not be set by a file, which could lift a protection unseen; {told}")
        if key not in IN_FILES or key not in known:
            raise UsageError(f"{place}: no such option; a file may set: {', '.join(sorted(IN_FILES & set(known)))}")
        if not isinstance(value, str | bool | int):
            raise UsageError(f"{place}: must be a text, a number or true or false")


def apply(context: click.Context, path: str | None) -> None:
    """Give the commands of a group what is configured: by the file at `path`, the nearest ("") or none (None)."""
    found = load(context, path)
    context.meta[_FOUND] = found
    name = context.invoked_subcommand
    command = context.command.get_command(context, name) if isinstance(context.command, click.Group) and name else None
    if name and command:
        context.default_map = {name: found.defaults(name, command.params)}
    for parameter in context.command.params:
        if context.get_parameter_source(str(parameter.name)) is ParameterSource.DEFAULT:
            flag = flag_of(parameter)
            if flag in found.shared:
                context.params[str(parameter.name)] = parameter.type_cast_value(context, found.shared[flag])


def load(context: click.Context, path: str | None) -> Configuration:
    """Read the file at `path`, the nearest ("") or none (None). Raises UsageError."""

    def known() -> dict[str, frozenset[str]]:
        return {name: frozenset(map(flag_of, command.params)) - {""} for name, command in _commands(context)}

    if path is None:
        return Configuration()
    return read_configuration(path, known) if path else find_configuration(os.getcwd(), known)


def _commands(context: click.Context) -> Iterator[tuple[str, click.Command]]:
    group = context.command
    assert isinstance(group, click.Group)  # noqa: S101  # narrows the type
    yield "", group
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None  # noqa: S101  # narrows the type
        yield name, command


class Setting(NamedTuple):
    """An option of a command ("" for those before it), its value in force, and where that comes from."""

    command: str
    option: str
    value: object
    source: str


def settings(context: click.Context) -> Iterator[Setting]:
    """Every option that variables or files can set, as the group's `context` has it. Raises click.UsageError."""
    found: Configuration = context.meta.get(_FOUND, Configuration())
    for name, command in _commands(context):
        if not name:
            yield from _settings_of(context, found, name)
            continue
        defaults = found.defaults(name, command.params)
        with command.make_context(name, [], parent=context, resilient_parsing=True, default_map=defaults) as own:
            yield from _settings_of(own, found, name)


def _settings_of(context: click.Context, found: Configuration, name: str) -> Iterator[Setting]:
    for parameter in context.command.params:
        flag = flag_of(parameter)
        if parameter.envvar is None:
            continue
        match context.get_parameter_source(str(parameter.name)):
            case ParameterSource.COMMANDLINE:
                source = "command line"
            case ParameterSource.ENVIRONMENT:
                source = str(parameter.envvar)
            case ParameterSource.DEFAULT_MAP:
                source = found.path
            case _:
                source = found.path if not name and flag in found.shared else "default"
                told = os.environ.get(str(parameter.envvar)) or found.shared.get(flag)
                if isinstance(parameter, Format) and parameter.lacks(told):
                    source = f"default; {told}, as set for all commands, is no format of this one"
        yield Setting(name, flag, context.params.get(str(parameter.name)), source)
