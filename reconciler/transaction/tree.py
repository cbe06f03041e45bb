"""The model directory, reached by descriptors only: no symbolic link is followed, no mount point entered."""

from __future__ import annotations

import ctypes
import errno
import os
from functools import cache
from typing import Any

from reconciler.errors import ApplyError
from reconciler.facts import STATE_DIRECTORY, DirectoryFacts
from reconciler.names import printable

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_RENAME_NOREPLACE = 1
_CACHED = 64


class Tree:
    """The open model directory. `path` is for one look at whether it still leads here, `where` for messages."""

    def __init__(self, root: int, path: str) -> None:
        facts = os.fstat(root)
        self.root, self.path, self.device, self._inode = root, path, facts.st_dev, facts.st_ino
        self.owner = facts.st_uid
        self.where = printable(path)
        self._folders: dict[str, int] = {}

    @classmethod
    def open(cls, directory: DirectoryFacts) -> Tree:
        """Open the very directory that was observed. Raises ApplyError if it is another one, or none."""
        try:
            root = os.open(directory.path, DIRECTORY)
        except OSError as error:
            raise ApplyError(
                f"{printable(directory.path)}: cannot be opened ({error.strerror}); nothing was touched"
            ) from error
        tree = cls(root, directory.path)
        if (tree.device, tree._inode) != (directory.device, directory.inode):
            os.close(root)
            raise ApplyError(f"{printable(directory.path)}: is not the directory that was observed; plan again")
        return tree

    def enter(self, name: str, within: int) -> int:
        """Open the subdirectory `name` of `within`. Raises OSError, EXDEV for one on another device."""
        descriptor = os.open(name, DIRECTORY, dir_fd=within)
        if os.fstat(descriptor).st_dev != self.device:
            os.close(descriptor)
            raise OSError(errno.EXDEV, "is a mount point, which is not entered", name)
        return descriptor

    def parent(self, model: str) -> tuple[int, str]:
        """The descriptor of the directory that `model` lies in, and its name there. Raises OSError."""
        folder, _, base = model.rpartition("/")
        if not folder:
            return self.root, base
        if folder not in self._folders:
            if len(self._folders) >= _CACHED:
                os.close(self._folders.pop(next(iter(self._folders))))
            self._folders[folder] = self._walk(folder)
        return self._folders[folder], base

    def _walk(self, folder: str) -> int:
        current = self.root
        for part in folder.split("/"):
            try:
                following = self.enter(part, current)
            finally:
                if current != self.root:
                    os.close(current)
            current = following
        return current

    def settle(self, models: list[str]) -> None:
        """Make the renames in and out of the directories of `models` durable. Raises OSError.

        Directories are walked to again: one that was replaced while a cached descriptor of it was in use is
        noticed here, before anything is committed.
        """
        for folder in dict.fromkeys(model.rpartition("/")[0] for model in models):
            if not folder:
                os.fsync(self.root)
                continue
            descriptor = self._walk(folder)
            try:
                cached = self._folders.get(folder)
                if cached is not None and not os.path.sameopenfile(cached, descriptor):
                    raise OSError(errno.ESTALE, "the directory was replaced meanwhile", folder)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def still_here(self) -> bool:
        """Whether the path still leads to this directory."""
        try:
            facts = os.stat(self.path, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return (facts.st_dev, facts.st_ino) == (self.device, self._inode)

    def forget(self) -> None:
        """Close the cached descriptors: what follows walks anew."""
        while self._folders:
            os.close(self._folders.popitem()[1])

    def close(self) -> None:
        """Close every descriptor."""
        self.forget()
        os.close(self.root)


def refuse_name(model: str) -> None:
    """Raise ApplyError for a name that does not name a file below the model directory outside of our state."""
    parts = model.split("/")
    if not {"", ".", ".."}.isdisjoint(parts) or "\0" in model or parts[0] == STATE_DIRECTORY:
        raise ApplyError(f"{model!r}: is not the name of a model in the model directory; nothing was touched")


@cache
def _renameat2() -> Any:
    try:
        return ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        return None


def rename_without_replacing(source: str, source_fd: int, target: str, target_fd: int) -> None:
    """Rename, or raise FileExistsError: one system call that can never overwrite.

    Where the file system knows no such rename (NFS), a hard link takes its place: it does not overwrite either,
    and a crash between the two steps leaves the file under both names, which recovery knows.
    """
    call = _renameat2()
    code = errno.ENOSYS
    if call is not None:
        if call(source_fd, os.fsencode(source), target_fd, os.fsencode(target), _RENAME_NOREPLACE) == 0:
            return
        code = ctypes.get_errno()
    if code not in {errno.ENOSYS, errno.EINVAL}:
        raise OSError(code, os.strerror(code), target)
    os.link(source, target, src_dir_fd=source_fd, dst_dir_fd=target_fd, follow_symlinks=False)
    os.unlink(source, dir_fd=source_fd)
