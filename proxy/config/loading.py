"""Loading: layers are merged, checked as a whole, and every mistake gets its place.

The one invariant: what can be wrong is told at once. A mistake ends the reading of its
own value, or of a file that is no YAML, and of nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from .document import document
from .environment import environment
from .keys import Key, dotted
from .layers import Layer, Tree, merged, speaking
from .mistakes import ConfigError, Mistake, Place, unknown, worded
from .model import Config
from .routes import says

FLAGS: Final = {
    "origin.url": "--origin",
    "listen": "--listen",
    "spool.directory": "--spool",
}
"""What the keys that have a flag are called on the command line."""
_GROUPS: Final = {("origin",), ("uploads",), ("spool",), ("auth",)}
"""Of a route, what it may have from the top level."""


def load(file: Path | None, flags: Mapping[str, object]) -> Config:
    """The configuration of `file`, below the environment, below `flags`.

    `file`: None when there is none. `flags`: values by their key with dots, such as
    ``origin.url``; one that is None was not given.

    Raises:
        ConfigError: with every mistake of all three.
    """
    layers = (_flags(flags), environment(), document(file) if file else Layer({}))
    mistakes = [mistake for layer in layers for mistake in layer.mistakes]
    tree = reduce(merged, (layer.tree for layer in layers))
    try:
        config = Config.model_validate(tree)
    except ValidationError as exc:
        found = _mistakes(exc.errors(), layers, tree)
        raise ConfigError([*mistakes, *found]) from None
    if mistakes:
        raise ConfigError(mistakes)
    return config


def _flags(flags: Mapping[str, object]) -> Layer:
    given = {key: value for key, value in flags.items() if value is not None}
    trees = [_tree(tuple(key.split(".")), value) for key, value in given.items()]
    places: dict[Key, Place] = {
        tuple(key.split(".")): Place(FLAGS.get(key, key)) for key in given
    }
    return Layer(reduce(merged, trees, {}), places, places)


def _tree(names: tuple[str, ...], value: object) -> Tree:
    first, *rest = names
    return {first: _tree(tuple(rest), value) if rest else value}


def _mistakes(
    errors: Sequence[ErrorDetails], layers: Sequence[Layer], tree: Tree
) -> Iterator[Mistake]:
    """The errors of the model with their places, less those that are known already."""
    mistaken = frozenset[Key]().union(*(layer.mistaken for layer in layers))
    told = {error["loc"] for error in errors}
    for error in errors:
        key = error["loc"]
        if error["type"] == "missing" and key == ("origin",):
            key = ("origin", "url")
        # a list whose items are all wrong is reported as too short as well
        echo = error["type"] == "too_short" and error["input"]
        known = any(key[:end] in mistaken for end in range(1, len(key) + 1))
        inherited = _is_inherited(key, tree)
        # what is wrong at the top level is wrong in every route that has it from there
        echo = echo or (inherited and (key[2:] in told or error["type"] == "missing"))
        if not (known or echo):
            whose = " (of the top level)" if inherited else ""
            yield _mistake(error, key, layers, whose)


def _is_inherited(key: Key, tree: Tree) -> bool:
    """True for what a route does not say itself."""
    if key[:1] != ("routes",) or key[2:3] not in _GROUPS:
        return False
    # what an item of a list in it lacks is missing where that item is
    is_of_item = len(key) > 3 and isinstance(key[-2], int)
    return not says(tree, key[:-1] if is_of_item else key)


def _mistake(
    error: ErrorDetails, key: Key, layers: Sequence[Layer], whose: str
) -> Mistake:
    is_unknown = error["type"] == "extra_forbidden"
    layer = speaking(layers, key)
    if layer is None:
        place = layers[-1].place(key, of_key=True)
        return Mistake(place, dotted(key), worded(error, " (the default)"))
    words = unknown(key)[0] if is_unknown else worded(error, whose)
    return Mistake(layer.place(key, of_key=is_unknown), dotted(key), words)
