"""The desired state as a value: what a manifest says, and where it says it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.errors import Place
from reconciler.manifest.document import unpack

if TYPE_CHECKING:
    from reconciler.manifest.schema import Metadata, Spec


@dataclass(frozen=True, slots=True, eq=False)
class Manifest:
    """A valid manifest. `file` is the path as given, `directory` the absolute path of the directory it is in.

    `digest` is that of all that was read, `rule_marks` holds the packed places of the rules of each section, and
    `files` what they number: the manifest's own file, then those that it extends.
    """

    metadata: Metadata
    spec: Spec
    file: str
    digest: str
    directory: str
    rule_marks: Mapping[str, Sequence[int]]
    files: Sequence[str]

    @property
    def model_path(self) -> str | None:
        """The model directory as an absolute path; None where the engine says which it is."""
        return absolute(self.spec.model_path, self.directory)

    @property
    def engine_python(self) -> str | None:
        """The engine's interpreter: a path with a slash made absolute, a bare name (for PATH) as it is, or None."""
        return engine_python(self.spec.engine.python, self.directory)

    def rule_place(self, section: str, index: int) -> Place:
        """Where rule `index` of `allow`, `deny` or `protect` stands."""
        return unpack(self.files, self.rule_marks[section][index])


def absolute(path: str | None, directory: str) -> str | None:
    """`path` against `directory`; `..` stays, because only the kernel knows what it means behind a symbolic link."""
    return None if path is None else os.path.join(directory, path)


def engine_python(python: str | None, directory: str) -> str | None:
    """As `absolute`, but a name without a slash is one for PATH."""
    return absolute(python, directory) if python and "/" in python else python
