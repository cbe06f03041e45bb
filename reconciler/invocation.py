"""Which call of the command this is: its id stands in every line of the log, and in the journal of what it changes."""

from __future__ import annotations

import os

ID = os.urandom(4).hex()
