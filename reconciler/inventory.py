"""What is on disk: a scan of one model directory, cross-checked with the engine's listing. Reads only.

The scan sees what the engine's own walk sees (regular files at depth 1 and 2), but follows no symbolic link,
opens no file and leaves our own state directory out.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from operator import itemgetter

from reconciler.errors import ModelDirectoryError
from reconciler.facts import STATE_DIRECTORY, DirectoryFacts, EngineFacts, FileFacts, Inventory
from reconciler.names import printable

DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW


@contextmanager
def open_directory(path: str, homes: Set[str] | None = None) -> Iterator[tuple[int, DirectoryFacts]]:
    """A descriptor of the model directory and the facts of it; every symbolic link in `path` is resolved once.

    Raises ModelDirectoryError where it is missing, not a directory, not readable, or one that nobody keeps
    models in and everybody would miss: the root of the file system or a home directory. `homes` are the home
    directories of this moment, where the caller has looked for them already.
    """
    real = os.path.realpath(path)
    if real == os.path.realpath("/") or real in (home_directories() if homes is None else homes):
        message = (
            f"{printable(real)}: refusing to manage the root of a file system or a home directory; "
            "point spec.modelPath at the directory that holds the models and nothing else"
        )
        raise ModelDirectoryError(message)
    try:
        descriptor = os.open(real, DIRECTORY_FLAGS)
    except OSError as error:
        raise ModelDirectoryError(_why_not(path, error)) from error
    try:
        status = os.fstat(descriptor)
        yield descriptor, DirectoryFacts(real, status.st_dev, status.st_ino)
    finally:
        os.close(descriptor)


def take_inventory(descriptor: int, directory: DirectoryFacts, engine: EngineFacts | None = None) -> Inventory:
    """Scan the directory open at `descriptor` and cross-check it with what `engine` listed.

    Raises ModelDirectoryError when any part of it cannot be read: a partial look is never taken for the whole.
    """
    try:
        scan = _scan(descriptor)
        aliases = _aliases(descriptor, scan)
        listed, ghosts = (None, ()) if engine is None else _cross_check(descriptor, scan.files, engine.listing)
        removed = os.fstat(descriptor).st_nlink == 0
    except OSError as error:
        raise ModelDirectoryError(_why_not_whole(directory.path, error)) from error
    if removed:  # a removed directory reads as empty
        raise ModelDirectoryError(f"{printable(directory.path)}: was removed while it was read; nothing was planned")
    left_alone = {kind: count for kind, count in scan.left_alone.items() if count}
    return Inventory(directory, tuple(scan.files), listed, ghosts, aliases, left_alone, engine)


@dataclass(slots=True)
class _Scan:
    """What one walk met: regular files, symbolic links, and by identity the prefix of the names in each directory."""

    files: list[FileFacts] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    directories: dict[tuple[int, int], str] = field(default_factory=dict)
    left_alone: dict[str, int] = field(default_factory=lambda: {"special": 0, "symlink": 0, "too deep": 0})


def _scan(descriptor: int) -> _Scan:
    """Walk depth 1 and 2; the files come out sorted by name."""
    scan = _Scan()
    root = os.fstat(descriptor)
    scan.directories[root.st_dev, root.st_ino] = ""
    for name in _read_entries(descriptor, "", scan):
        try:
            below = os.open(name, DIRECTORY_FLAGS, dir_fd=descriptor)
        except FileNotFoundError:
            continue  # removed since it was listed, by whoever owns it
        try:
            status = os.fstat(below)
            scan.directories[status.st_dev, status.st_ino] = name + "/"
            scan.left_alone["too deep"] += len(_read_entries(below, name + "/", scan))
        finally:
            os.close(below)
    scan.left_alone["symlink"] = len(scan.links)
    scan.files.sort(key=itemgetter(0))
    return scan


def _read_entries(descriptor: int, prefix: str, scan: _Scan) -> list[str]:
    """Sort the entries of one directory into `scan`; return the names of its directories."""
    directories: list[str] = []
    with os.scandir(descriptor) as entries:
        for entry in entries:
            if not prefix and entry.name == STATE_DIRECTORY:
                continue  # ours, whatever was put in its place
            if entry.is_file(follow_symlinks=False):
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue  # removed since it was listed
                scan.files.append(facts_of(prefix + entry.name, status))
            elif entry.is_dir(follow_symlinks=False):
                directories.append(entry.name)
            elif entry.is_symlink():
                scan.links.append(prefix + entry.name)
            else:
                scan.left_alone["special"] += 1
    return directories


def facts_of(name: str, status: os.stat_result) -> FileFacts:
    """The evidence in what `stat` said of a regular file."""
    values = (
        name,
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_nlink,
        status.st_blocks * 512,
    )
    # The constructor that a named tuple generates is a Python function, called here for every file there is.
    return tuple.__new__(FileFacts, values)


def _aliases(descriptor: int, scan: _Scan) -> dict[str, str]:
    """Names made of symbolic links, and the scanned file that each leads to: `{alias: name}`.

    A link to a directory of this model directory makes an alias of every file in it, as the engine's walk does.
    """
    if not scan.links:
        return {}
    by_identity = {file.identity: file.name for file in scan.files}
    aliases: dict[str, str] = {}
    for link in scan.links:
        try:
            status = os.stat(link, dir_fd=descriptor)
        except OSError:
            continue  # it leads nowhere, or where nobody may look: not to a file that was scanned
        identity = status.st_dev, status.st_ino
        if (target := by_identity.get(identity)) is not None:
            aliases[link] = target
        elif (prefix := scan.directories.get(identity)) is not None and "/" not in link:
            inside = (file.name for file in scan.files if file.name.startswith(prefix))
            below = ((name, name[len(prefix) :]) for name in inside)
            aliases.update((f"{link}/{rest}", name) for name, rest in below if "/" not in rest)
    return aliases


def _cross_check(
    descriptor: int, files: list[FileFacts], listing: tuple[str, ...]
) -> tuple[frozenset[str], tuple[str, ...]]:
    """Which scanned files the engine lists, and the paths that it lists and the disk lacks."""
    names = {file.name for file in files}
    listed = names.intersection(listing)
    strays = [path for path in listing if path not in names]
    if not strays:
        return frozenset(listed), ()
    by_identity = {file.identity: file.name for file in files}
    by_lossy_name: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        by_lossy_name[os.fsencode(name).decode(errors="replace")].append(name)
    ghosts: set[str] = set()
    for path in strays:
        if path in by_lossy_name:  # bytes that are not UTF-8 come back from the engine as U+FFFD
            listed.update(by_lossy_name[path])
            continue
        try:
            status = os.stat(path, dir_fd=descriptor)
        except (FileNotFoundError, NotADirectoryError):
            ghosts.add(path)
        except (OSError, ValueError):
            continue  # something is there that nobody may look at: neither a file of ours nor a ghost
        else:
            listed.update(filter(None, [by_identity.get((status.st_dev, status.st_ino))]))
    return frozenset(listed), tuple(sorted(ghosts))


def home_directories() -> set[str]:
    """The home directories of this user and of every account that can log in; asks whatever knows the accounts."""
    homes = {os.path.realpath(os.path.expanduser("~"))}
    with suppress(ImportError):
        import pwd  # absent on Windows

        accounts = pwd.getpwall()
        homes.update(os.path.realpath(user.pw_dir) for user in accounts if user.pw_uid >= 1000 or user.pw_uid == 0)
    return homes


def _why_not(path: str, error: OSError) -> str:
    path = printable(path)
    match error:
        case FileNotFoundError():
            return f"{path}: the model directory does not exist; create it, or correct spec.modelPath"
        case NotADirectoryError():
            return f"{path}: not a directory; point spec.modelPath at the directory that holds the models"
        case PermissionError():
            return f"{path}: cannot be read by this user; run as the user that owns the models"
    return f"{path}: cannot be read: {error.strerror or error}; correct spec.modelPath"


def _why_not_whole(path: str, error: OSError) -> str:
    where = printable(os.path.join(path, error.filename) if isinstance(error.filename, str) else path)
    if isinstance(error, PermissionError):
        return f"{where}: cannot be read by this user; run as the user that owns the models"
    return f"{where}: cannot be read: {error.strerror or error}; run again once nothing else changes the directory"
