"""Whose digests a plan needs: of the models whose rule states one, and of files that may be one by another name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.facts import Digest, FileFacts, Inventory
from reconciler.manifest.manifest import Manifest
from reconciler.manifest.match import Effect, Rulebook


def to_verify(manifest: Manifest, inventory: Inventory) -> list[FileFacts]:
    """The files whose rule states a SHA-256; not those whose size is another one already."""
    stating = {index for index, rule in enumerate(manifest.spec.allow) if rule.sha256 is not None}
    rulebook = Rulebook(manifest)
    return list(_verified(rulebook, stating, inventory)) if stating else []


def _verified(rulebook: Rulebook, stating: set[int], inventory: Inventory) -> Iterator[FileFacts]:
    for file in inventory.files:
        index = rulebook.first_allow(file.name)
        if index not in stating or not rulebook.is_candidate(file.name):
            continue
        size = rulebook.allow_rule(index).size
        if size in {None, file.size} and rulebook.ruling(file.name).effect is Effect.ALLOW:
            yield file


def to_search(manifest: Manifest, inventory: Inventory, digests: Mapping[str, Digest]) -> list[FileFacts]:
    """The files that may have the content of an allowed model that is not there, or is another one.

    Any file of the stated size may; where no size is stated, the models that no rule allows may: those that are
    allowed can be many, and it takes reading them.
    """
    sizes = set(_unmatched_sizes(manifest, inventory, digests))
    if not sizes:
        return []
    rulebook = Rulebook(manifest)
    others = [file for file in inventory.files if file.name not in digests]
    if None not in sizes:
        return [file for file in others if file.size in sizes]
    return [file for file in others if file.size in sizes or _unallowed(rulebook, file.name)]


def _unmatched_sizes(manifest: Manifest, inventory: Inventory, digests: Mapping[str, Digest]) -> Iterator[int | None]:
    present = {file.name for file in inventory.files}
    for rule in manifest.spec.allow:
        if rule.sha256 is None or rule.name is None:
            continue
        digest = digests.get(rule.name)
        if rule.name not in present or digest is None or digest.sha256 != rule.sha256:
            yield rule.size


def _unallowed(rulebook: Rulebook, name: str) -> bool:
    return rulebook.is_candidate(name) and rulebook.ruling(name).effect is not Effect.ALLOW
