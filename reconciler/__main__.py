"""The command: `ocr-reconcile`, or `python -m reconciler`."""

from __future__ import annotations

import gc
import os
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and exit with a documented code."""
    gc.disable()  # a command keeps what it makes until it ends, and has no cycles worth the time to look for them
    # Nobody's plugin watches how manifests are validated; to look for one reads the metadata of every package.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from reconciler import cli  # a tenth sooner with that said before it

    cli.main()


if __name__ == "__main__":
    main()
