"""The quarantine of one run: model files under their number, in a directory that only we may enter."""

from __future__ import annotations

import errno
import hashlib
import os
import stat

from reconciler.facts import FileFacts
from reconciler.names import printable
from reconciler.transaction.result import EvidenceError
from reconciler.transaction.tree import Tree, rename_without_replacing


class Quarantine:
    """The open quarantine directory of a run."""

    def __init__(self, tree: Tree, descriptor: int) -> None:
        self.tree, self.descriptor = tree, descriptor

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.descriptor)

    def numbers(self) -> list[int]:
        """The numbers of the files that lie here, ascending."""
        return sorted(int(name) for name in os.listdir(self.descriptor) if name.isdecimal())

    def take(self, number: int, file: FileFacts) -> None:
        """Move a model in here, if it is still the one of the evidence.

        The second look decides: it is at the moved file itself, in a directory where nobody can race us. A file
        that is another one goes back. Raises EvidenceError or OSError; the model may then be in either place.
        """
        parent, base = self.tree.parent(file.name)
        if not is_same(os.stat(base, dir_fd=parent, follow_symlinks=False), file):
            raise EvidenceError(f"{printable(file.name)}: changed since it was checked; plan again")
        here = str(number)
        os.rename(base, here, src_dir_fd=parent, dst_dir_fd=self.descriptor)
        if not is_same(os.stat(here, dir_fd=self.descriptor, follow_symlinks=False), file):
            rename_without_replacing(here, self.descriptor, base, parent)
            raise EvidenceError(
                f"{printable(file.name)}: was replaced while it was moved, and was put back; plan again"
            )

    def give(self, number: int, model: str) -> None:
        """Move a file back to its name, never over another one. Raises OSError, FileExistsError among them."""
        parent, base = self.tree.parent(model)
        try:
            rename_without_replacing(str(number), self.descriptor, base, parent)
        except FileExistsError:
            if not self._also_there(number, base, parent):
                raise
            os.unlink(str(number), dir_fd=self.descriptor)

    def _also_there(self, number: int, base: str, parent: int) -> bool:
        """Whether the name is a second link to our file, as a crash between link and unlink leaves it."""
        here = self.look(number)
        there = os.stat(base, dir_fd=parent, follow_symlinks=False)
        return here.st_nlink > 1 and (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)

    def look(self, number: int) -> os.stat_result:
        """What lies here under `number`. Raises OSError."""
        return os.stat(str(number), dir_fd=self.descriptor, follow_symlinks=False)

    def verify(self, number: int, file: FileFacts, digest: str = "") -> os.stat_result:
        """Raise EvidenceError unless the file has its size, and its digest where one is given. Raises OSError.

        Device and inode are not compared: both may change when a file system is mounted anew.
        """
        found = self.look(number)
        if not stat.S_ISREG(found.st_mode) or found.st_size != file.size:
            raise EvidenceError(f"{printable(file.name)}: its file in quarantine has changed ({found.st_size} bytes)")
        if digest and self._digest(number) != digest:
            raise EvidenceError(f"{printable(file.name)}: the content of its file in quarantine has changed")
        return found

    def _digest(self, number: int) -> str:
        descriptor = os.open(str(number), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.descriptor)
        with open(descriptor, "rb", buffering=0) as stream:
            return "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()

    def discard(self, number: int) -> None:
        """Remove a file for good. Raises OSError."""
        os.unlink(str(number), dir_fd=self.descriptor)

    def settle(self) -> None:
        """Make the renames in and out of here durable. Raises OSError."""
        os.fsync(self.descriptor)


def is_same(found: os.stat_result, file: FileFacts) -> bool:
    """Whether a look found the regular file of the evidence, with unchanged content."""
    seen = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
    return seen == file[1:5] and stat.S_ISREG(found.st_mode)


CONFLICTS = frozenset({errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV})
"""What keeps a file from being put back until a person makes room for it; other errors may pass by themselves."""


def put_back(quarantine: Quarantine, names: dict[int, str]) -> dict[int, OSError]:
    """Give every file here back to its name, as many as possible; what could not be, by number, and why."""
    stuck: dict[int, OSError] = {}
    quarantine.tree.forget()
    for number in quarantine.numbers():
        if number not in names:
            continue
        try:
            quarantine.give(number, names[number])
        except OSError as error:
            stuck[number] = error
    return stuck
