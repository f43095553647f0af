"""Routes over the top level: what a route does not say is what the top level says.

Before anything is checked, each route is completed key by key with what stands at the
top, so that it is then checked as a whole: a limit of its own against one it has from
there. Afterwards they are looked at side by side. The one invariant: what a route says
is never changed, and what is no group of keys is left for the model to refuse.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic_core import InitErrorDetails

from proxy.core.matching import Rule

from .quantities import WrongValue

_SHARED: Final = (
    ("origin",),
    ("uploads", "limits"),
    ("spool", "memory_threshold"),
    ("auth", "request"),
    ("auth", "path"),
    ("auth", "timeout"),
)
"""Keys of the top level that a route may say otherwise."""


def completed(tree: Any) -> Any:
    """`tree` with its routes completed."""
    routes = tree.get("routes") if isinstance(tree, Mapping) else None
    if not isinstance(routes, list | tuple):
        return tree
    return {**tree, "routes": [_completed(route, tree) for route in routes]}


def _completed(route: Any, tree: Mapping[str, Any]) -> Any:
    if not isinstance(route, Mapping):
        return route
    for key in _SHARED:
        value = _at(tree, key)
        if value is not None:
            route = _over(route, _under(key, value))
    return route


def _at(tree: Any, key: Sequence[str]) -> Any:
    for step in key:
        tree = tree.get(step) if isinstance(tree, Mapping) else None
    return tree


def _under(key: Sequence[str], value: Any) -> Mapping[str, Any]:
    for step in reversed(key):
        value = {step: value}
    return dict(value)


def _over(upper: Mapping[str, Any], lower: Mapping[str, Any]) -> Mapping[str, Any]:
    """Both together, where `upper` comes first. A group of which nothing is said, as by
    a key with no value, is all from below."""
    both = {**lower, **upper}
    for key, below in lower.items():
        above = upper.get(key)
        if isinstance(below, Mapping) and key in upper:
            if above is None:
                both[key] = below
            elif isinstance(above, Mapping):
                both[key] = _over(above, below)
    return both


def says(tree: Any, key: Sequence[str | int]) -> bool:
    """True when `tree`, as it was written, has a value at `key`."""
    for step in key:
        if isinstance(tree, Mapping):
            if step not in tree:
                return False
        elif not isinstance(tree, list | tuple) or not isinstance(step, int):
            return False
        tree = tree[step]
    return True


def named_twice(names: Sequence[str]) -> Iterator[InitErrorDetails]:
    """A mistake for every route that has the name of one before it."""
    for number, name in enumerate(names):
        first = names.index(name)
        if first != number:
            wrong = WrongValue("a name of its own", f"routes[{first}] has this one")
            yield _mistake((number, "name"), name, wrong)


def never_taken(rules: Sequence[Rule]) -> Iterator[InitErrorDetails]:
    """A mistake for every route that no request takes, because one before it takes all
    that would fit."""
    for number, rule in enumerate(rules):
        taker = next((i for i in range(number) if rules[i].covers(rule)), None)
        if taker is not None:
            wrong = WrongValue(
                "requests that are left to this route",
                "put this one first, or have that one take less",
                got=f"only such as routes[{taker}] takes before it",
            )
            yield _mistake((number, "match"), None, wrong)


def nobody_asked(requests: Sequence[str | None]) -> Iterator[InitErrorDetails]:
    """A mistake for every route that has nobody asked, where a principal takes the
    answer: its uploads would be nobody's."""
    for number, request in enumerate(requests):
        if request is None:
            wrong = WrongValue(
                "somebody to ask, as auth.principal has a field of the answer"
            )
            yield _mistake((number, "auth", "request"), None, wrong)


def _mistake(
    where: tuple[int | str, ...], value: Any, wrong: WrongValue
) -> InitErrorDetails:
    return InitErrorDetails(
        type="value_error", loc=where, input=value, ctx={"error": wrong}
    )
