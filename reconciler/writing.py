"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile


def write_whole(target: str, data: bytes, mode: int = 0o600) -> None:
    """Put a file with `data` at `target`, which is no symbolic link; nothing is left beside it, whatever interrupts.

    Raises OSError; what was there is then as it was.
    """
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".writing-")
    try:
        with open(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
