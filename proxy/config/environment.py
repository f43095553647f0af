"""The layer of the environment: ``UPLOAD_PROXY_ORIGIN__URL`` is ``origin.url``.

pydantic-settings turns names into keys; what it would pass over, a variable that is no
key of ours, is a mistake here. Lists are text with commas, or JSON. A variable that is
set but empty counts as not set.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any, Final

from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from .keys import KEYS, Key, dotted, section_at
from .layers import Layer
from .mistakes import Mistake, Place, unknown
from .model import Config
from .scalars import typed

PREFIX: Final = "UPLOAD_PROXY_"
_BETWEEN: Final = "__"

_OF_KUBERNETES = re.compile(
    r"(?:\w*_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?"
    r"|PORT_[0-9]+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)"
)


class _Variables(Config, BaseSettings):
    """The configuration in the shape pydantic-settings asks for; never instantiated."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=_BETWEEN,
        env_ignore_empty=True,
        enable_decoding=False,  # a list that is no JSON is text with commas
        defer_build=True,
    )


def variable(key: Key) -> str:
    """The name of the variable for `key`."""
    return PREFIX + _BETWEEN.join(map(str, key)).upper()


def environment() -> Layer:
    """What the environment says now."""
    places: dict[Key, Place] = {}
    mistakes: dict[Key, Mistake] = {}
    for name, value in os.environ.items():
        if not name.startswith(PREFIX) or _is_of_kubernetes(name, value):
            continue
        key = tuple(name.removeprefix(PREFIX).lower().split(_BETWEEN))
        places[key] = Place(name)
        if dotted(key) not in KEYS and section_at(key) is None:
            mistakes[key] = Mistake(Place(name), dotted(key), _unknown(key))
    tree = _tree(EnvSettingsSource(_Variables)(), (), frozenset(mistakes))
    wrong = tuple(mistakes.values())
    return Layer(tree, places, places, mistakes=wrong, mistaken=frozenset(mistakes))


def _unknown(key: Key) -> str:
    words, meant = unknown(key)
    return f"unknown key; did you mean {variable(meant)}?" if meant else words


def _is_of_kubernetes(name: str, value: str) -> bool:
    """True for what Kubernetes sets for a Service that is named upload-proxy itself.

    Source: Kubernetes "Service", environment variables: NAME_SERVICE_HOST and the like.
    """
    rest = name.removeprefix(PREFIX)
    if _OF_KUBERNETES.fullmatch(rest):
        return True
    return f"_{rest}".endswith("_PORT") and "://" in value


def _tree(node: dict[str, Any], key: Key, unknown: frozenset[Key]) -> dict[str, object]:
    """`node` with plain values instead of text, without the keys that are unknown."""
    tree: dict[str, object] = {}
    for name, value in node.items():
        below = (*key, name)
        if isinstance(value, dict):
            if group := _tree(value, below, unknown):
                tree[name] = group
        elif below not in unknown:
            tree[name] = _value(value)
    return tree


def _value(text: str) -> object:
    if text.startswith("["):  # as an address may: [::1]:8080
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text
    return typed(text)
