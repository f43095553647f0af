"""The sources of values, one above the other: flags, environment, file.

Each layer is a tree of plain values as they were written, with the place of each. What
a layer says hides what the layers below it say of the same key; a list is taken whole.
The one invariant: a value that is wrong is never hidden by keys that stand below it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .keys import Key
from .mistakes import NOWHERE, Mistake, Place

Tree = Mapping[str, object]


@dataclass(frozen=True)
class Layer:
    """What one source says."""

    tree: Tree
    keys: Mapping[Key, Place] = field(default_factory=dict)
    """Where each key stands."""
    values: Mapping[Key, Place] = field(default_factory=dict)
    """Where each value begins."""
    whole: Place = NOWHERE
    """Where to look for what is not there at all."""
    mistakes: tuple[Mistake, ...] = ()
    """What is already known to be wrong."""
    mistaken: frozenset[Key] = frozenset()
    """The keys these are about: nothing more is to be said of them."""

    def says(self, key: Key) -> bool:
        """True when this layer has a value at `key`, or one that stands for it all."""
        node: object = self.tree
        for step in key:
            if isinstance(node, Mapping):
                if step not in node:
                    return False
                node = node[step]
            else:
                return True
        return True

    def groups(self, key: Key) -> bool:
        """True when this layer has keys below `key`."""
        return any(known[: len(key)] == key and known != key for known in self.keys)

    def place(self, key: Key, *, of_key: bool) -> Place:
        """Where `key` stands here, or else what it is in."""
        if key in self.values:
            return self.keys[key] if of_key and key in self.keys else self.values[key]
        for end in range(len(key) - 1, 0, -1):
            if isinstance(key[end - 1], int) and key[:end] in self.values:
                return self.values[key[:end]]
            if key[:end] in self.keys:
                # an item of a list that was written as one text stands in that text
                places = self.values if isinstance(key[end], int) else self.keys
                return places[key[:end]]
        return self.whole


def merged(upper: Tree, lower: Tree) -> Tree:
    """What both say together, where `upper` comes first."""
    both = dict(lower)
    for key, value in upper.items():
        below = both.get(key)
        if not isinstance(value, Mapping) or below is None:
            both[key] = value
        elif isinstance(below, Mapping):
            both[key] = merged(value, below)
    return both


def speaking(layers: Sequence[Layer], key: Key) -> Layer | None:
    """The layer whose value at `key` counts; None when none has one."""
    saying = [layer for layer in layers if layer.says(key)]
    alone = [layer for layer in saying if not layer.groups(key)]
    return next(iter([*alone, *saying]), None)
