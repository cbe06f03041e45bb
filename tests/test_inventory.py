"""The scan on real directories: what it sees, what it refuses, and that it leaves no trace."""

from __future__ import annotations

import os
import pwd
import socket
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from reconciler import inventory as inventory_module
from reconciler.errors import ModelDirectoryError
from reconciler.facts import STATE_DIRECTORY, EngineFacts, FileFacts, Inventory
from reconciler.inventory import open_directory, take_inventory


@pytest.fixture
def models(tmp_path: Path) -> Path:
    directory = tmp_path / "models"
    directory.mkdir()
    return directory


def put(directory: Path, *names: str | bytes) -> None:
    for name in names:
        path = os.path.join(os.fsencode(directory), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(b"model " + os.path.basename(path))


def scan(directory: Path | str, *listing: str, asked: bool = False) -> Inventory:
    engine = EngineFacts("26.7.0", "python", str(directory), listing) if listing or asked else None
    with open_directory(os.fspath(directory)) as (descriptor, facts):
        return take_inventory(descriptor, facts, engine)


def names(found: Inventory) -> list[str]:
    return [file.name for file in found.files]


def as_nobody(look: Callable[[], object]) -> str:
    """What `look` says or raises in a process without privileges: this one, or a child that drops them."""
    if os.geteuid():
        return _outcome(look)
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of the test runner; the child starts none
        child = os.fork()
    if child == 0:
        with suppress(BaseException):
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            os.write(writing, _outcome(look).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        told = pipe.read().decode()
    os.waitpid(child, 0)
    return told


def _outcome(look: Callable[[], object]) -> str:
    try:
        return f"returned {look()!r}"
    except ModelDirectoryError as error:
        return f"{type(error).__name__}: {error}"


@contextmanager
def opened_to_all(path: Path) -> Iterator[None]:
    """Let other users walk down to `path`; pytest's temporary directories are for their owner alone."""
    parents = [parent for parent in path.parents if parent.stat().st_uid == os.geteuid() and parent != Path("/")]
    modes = [(parent, parent.stat().st_mode) for parent in parents]
    for parent, mode in modes:
        parent.chmod(mode | 0o055)
    try:
        yield
    finally:
        for parent, mode in modes:
            parent.chmod(mode)


def test_evidence_is_what_stat_says(models: Path) -> None:
    put(models, "a.bin")
    os.link(models / "a.bin", models / "b.bin")
    (models / "empty.bin").touch()
    found = {file.name: file for file in scan(models).files}
    assert list(found) == ["a.bin", "b.bin", "empty.bin"]
    status = os.stat(models / "a.bin")
    assert found["a.bin"] == FileFacts(
        "a.bin", status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, 2, status.st_blocks * 512
    )
    assert found["a.bin"].identity == found["b.bin"].identity
    assert found["empty.bin"].size == 0


def test_directory_facts_are_of_the_real_path(models: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(models)
    status = os.stat(models)
    found = scan(tmp_path / "link").directory
    assert (found.path, found.device, found.inode) == (os.path.realpath(models), status.st_dev, status.st_ino)


def test_sees_depth_one_and_two_hidden_and_any_suffix(models: Path) -> None:
    put(models, ".hidden", "README.md", "half.bin.part", "org_repo/x.gguf", "org_repo/deep/y.gguf")
    found = scan(models)
    assert names(found) == [".hidden", "README.md", "half.bin.part", "org_repo/x.gguf"]
    assert found.left_alone == {"too deep": 1}


def test_special_files_are_counted_and_never_opened(models: Path) -> None:
    os.mkfifo(models / "fifo.bin")  # opening it would wait for a writer, for ever
    with socket.socket(socket.AF_UNIX) as listener:
        directory = os.open(models, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{directory}/socket.bin")
        os.close(directory)
        found = scan(models, asked=True)
    assert names(found) == []
    assert found.left_alone == {"special": 2}


def test_directories_named_like_models_are_no_models(models: Path) -> None:
    (models / "dir.bin" / "sub.gguf").mkdir(parents=True)
    found = scan(models)
    assert names(found) == []
    assert found.left_alone == {"too deep": 1}


@pytest.mark.parametrize("kind", ["directory", "file", "link"])
def test_whatever_is_called_like_the_state_directory_is_left_out(models: Path, tmp_path: Path, kind: str) -> None:
    put(tmp_path, "elsewhere/x.bin")
    match kind:
        case "directory":
            put(models, f"{STATE_DIRECTORY}/x.bin", f"{STATE_DIRECTORY}/runs/1/y.bin")
        case "file":
            put(models, STATE_DIRECTORY)
        case "link":
            (models / STATE_DIRECTORY).symlink_to(tmp_path / "elsewhere")
    put(models, f"sub/{STATE_DIRECTORY}")  # not ours: a file of that name at depth 2
    found = scan(models)
    assert names(found) == [f"sub/{STATE_DIRECTORY}"]
    assert found.left_alone == {}


def test_symbolic_links_are_counted_and_resolve_to_scanned_files_only(models: Path, tmp_path: Path) -> None:
    put(models, "a.bin", "sub/b.bin")
    put(tmp_path, "outside/c.bin")
    for name, target in {
        "inward.bin": "a.bin",
        "sub/up.bin": "../a.bin",
        "dangling.bin": "nowhere",
        "outward.bin": "../outside/c.bin",
        "loop.bin": "loop.bin",
        "inside": "sub",
        "outside": "../outside",
        "self": ".",
    }.items():
        (models / name).symlink_to(target)
    found = scan(models)
    assert names(found) == ["a.bin", "sub/b.bin"]
    assert found.left_alone == {"symlink": 8}
    assert found.aliases == {
        "inward.bin": "a.bin",
        "sub/up.bin": "a.bin",
        "inside/b.bin": "sub/b.bin",
        "self/a.bin": "a.bin",
    }


HOSTILE = [
    b"new\nline.bin",
    b"esc\x1b[2J.bin",
    b"raw\xff\xfe.bin",
    b"x" * 251 + b".bin",
    "\u202egnp.bin".encode(),
    b" ",
]


def test_hostile_names_survive(models: Path) -> None:
    put(models, *HOSTILE)
    assert sorted(os.fsencode(name) for name in names(scan(models))) == sorted(HOSTILE)


def test_order_is_by_name(models: Path) -> None:
    put(models, *(f"{number}.bin" for number in range(50)), "sub/1.bin")
    assert names(scan(models)) == sorted(names(scan(models)))


class TestCrossCheck:
    def test_without_an_engine_nothing_is_said_about_listing(self, models: Path) -> None:
        put(models, "a.bin")
        found = scan(models)
        assert found.listed is None
        assert found.ghosts == ()

    def test_an_empty_listing_is_not_no_listing(self, models: Path) -> None:
        put(models, "a.bin")
        assert scan(models, asked=True).listed == frozenset()

    def test_listed_ghosts_aliases_and_strays(self, models: Path, tmp_path: Path) -> None:
        put(models, "a.bin", "b.bin", "sub/c.bin")
        put(tmp_path, "outside.bin")
        (models / "link.bin").symlink_to("b.bin")
        (models / "dir").symlink_to("sub")
        outside, inside = str(tmp_path / "outside.bin"), str(models / "a.bin")
        found = scan(models, "dir/c.bin", "link.bin", "gone.bin", "a.bin/x", outside, inside, "/no/such.bin")
        assert found.listed == frozenset({"a.bin", "b.bin", "sub/c.bin"})
        assert found.ghosts == ("/no/such.bin", "a.bin/x", "gone.bin")

    def test_a_name_that_is_not_utf8_comes_back_with_replacements(self, models: Path) -> None:
        put(models, b"raw\xff.bin", "other.bin")
        found = scan(models, "raw\ufffd.bin", "lost\ufffd.bin")
        assert found.listed == frozenset({"raw\udcff.bin"})
        assert found.ghosts == ("lost\ufffd.bin",)

    def test_names_that_no_call_takes_are_neither_files_nor_ghosts(self, models: Path) -> None:
        found = scan(models, "nul\0.bin", "x" * 300)
        assert (found.listed, found.ghosts) == (frozenset(), ())


class TestRefusals:
    @pytest.mark.parametrize(("what", "told"), [("missing", "does not exist"), ("file", "not a directory")])
    def test_missing_or_a_file(self, tmp_path: Path, what: str, told: str) -> None:
        put(tmp_path, "file")
        with pytest.raises(ModelDirectoryError, match=told) as raised:
            scan(tmp_path / what)
        assert str(raised.value).startswith(str(tmp_path / what))

    def test_a_loop_of_links(self, tmp_path: Path) -> None:
        (tmp_path / "loop").symlink_to("loop")
        with pytest.raises(ModelDirectoryError, match=r"not a directory|cannot be read"):
            scan(tmp_path / "loop")

    @pytest.mark.parametrize("path", ["/", "//", "/..", "/proc/self/root", "~root", "~", "link"])
    def test_root_and_home_directories(self, tmp_path: Path, path: str) -> None:
        (tmp_path / "link").symlink_to("/")
        where = str(tmp_path / "link") if path == "link" else os.path.expanduser(path)
        with pytest.raises(ModelDirectoryError, match="refusing to manage"):
            scan(where)

    def test_the_home_that_the_environment_names(self, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(models))
        with pytest.raises(ModelDirectoryError, match="home directory"):
            scan(models)
        monkeypatch.setenv("HOME", str(models.parent))
        assert names(scan(models)) == []

    def test_homes_of_accounts_that_can_log_in(self) -> None:
        homes = {os.path.realpath(user.pw_dir) for user in pwd.getpwall() if user.pw_uid in (0, *range(1000, 60000))}
        assert homes <= inventory_module.home_directories()

    def test_an_unreadable_directory(self, models: Path) -> None:
        put(models, "a.bin")
        models.chmod(0o700 if os.geteuid() == 0 else 0)
        with opened_to_all(models):
            told = as_nobody(lambda: scan(models))
        models.chmod(0o700)
        assert told == (
            f"ModelDirectoryError: {models}: cannot be read by this user; run as the user that owns the models"
        )

    def test_an_unreadable_subdirectory_fails_the_whole(self, models: Path) -> None:
        put(models, "a.bin", "closed/b.bin")
        (models / "closed").chmod(0o700 if os.geteuid() == 0 else 0)
        models.chmod(0o755)
        with opened_to_all(models):
            told = as_nobody(lambda: scan(models))
        (models / "closed").chmod(0o700)
        assert told.startswith(f"ModelDirectoryError: {models}/closed: cannot be read by this user")

    def test_a_directory_of_files_that_may_be_named_but_not_looked_at(self, models: Path) -> None:
        put(models, "a.bin")
        models.chmod(0o744 if os.geteuid() == 0 else 0o400)
        with opened_to_all(models):
            told = as_nobody(lambda: scan(models))
        models.chmod(0o700)
        assert told.startswith("ModelDirectoryError:")

    def test_the_place_is_printable(self, tmp_path: Path) -> None:
        with pytest.raises(ModelDirectoryError) as raised:
            scan(f"{tmp_path}/new\nline")
        assert "\n" not in str(raised.value)
        assert "new\\nline" in str(raised.value)


class TestRaces:
    """Others change the directory between two calls of ours; the seam is the place where the second call is made."""

    def test_a_file_vanishes_after_it_was_listed(self, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        put(models, "a.bin", "b.bin")
        really = os.scandir

        class Vanishing:
            def __init__(self, descriptor: int) -> None:
                with really(descriptor) as entries:
                    self.entries = list(entries)
                os.unlink(models / "a.bin")

            def __enter__(self) -> Iterator[os.DirEntry[str]]:
                return iter(self.entries)

            def __exit__(self, *_: object) -> None:
                pass

        monkeypatch.setattr(os, "scandir", Vanishing)
        assert names(scan(models)) == ["b.bin"]

    @pytest.mark.parametrize("instead", ["nothing", "link"])
    def test_a_directory_vanishes_or_becomes_a_link(
        self, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instead: str
    ) -> None:
        put(models, "a.bin")
        put(tmp_path, "outside/x.bin")
        (models / "sub").mkdir()
        really = os.open

        def swapping(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
            if path == "sub":
                os.rmdir(models / "sub")
                if instead == "link":
                    (models / "sub").symlink_to(tmp_path / "outside")
            return really(path, flags, mode, dir_fd=dir_fd)

        monkeypatch.setattr(os, "open", swapping)
        if instead == "nothing":
            assert names(scan(models)) == ["a.bin"]
        else:
            with pytest.raises(ModelDirectoryError, match=r"models/sub: cannot be read: .*; run again"):
                scan(models)


def test_leaves_no_trace_and_no_descriptor(models: Path) -> None:
    put(models, "a.bin", "sub/b.bin")
    (models / "link").symlink_to("sub")

    def traces() -> list[tuple[int, int]]:
        # Not the access time of directories: reading them is what a scan is.
        files = [(models / name).stat().st_atime_ns for name in ("a.bin", "sub/b.bin")]
        changes = [((models / name).lstat().st_mtime_ns, (models / name).lstat().st_ctime_ns) for name in ("", "sub")]
        return [(atime, 0) for atime in files] + changes

    before, descriptors = traces(), os.listdir("/proc/self/fd")
    for _ in range(3):
        scan(models, "a.bin", "ghost.bin")
        with pytest.raises(ModelDirectoryError):
            scan(models / "missing")
    assert traces() == before
    assert len(os.listdir("/proc/self/fd")) == len(descriptors)


def test_a_directory_that_is_removed_meanwhile_is_an_error_and_not_empty(tmp_path: Path) -> None:
    gone = tmp_path / "models"
    gone.mkdir()
    with open_directory(str(gone)) as (descriptor, directory):
        gone.rmdir()
        with pytest.raises(ModelDirectoryError, match="was removed while it was read"):
            take_inventory(descriptor, directory)
