"""The configuration told to others: YAML for people, JSON Schema for editors.

Both come from the model alone. The one invariant: what ``effective`` writes, ``load``
reads as the same configuration, on this machine.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq
from ruamel.yaml.representer import RoundTripRepresenter

from .keys import KEYS, Key, section_at
from .kinds import REFERENCE_PATTERN
from .model import Config, Route, RouteAuth, RouteSpool, RouteUploads
from .section import Section

EXAMPLE_ORIGIN: Final = "http://127.0.0.1:3000"
"""Stands for the one value that has no default."""


def effective(config: Config) -> str:
    """`config` as YAML, every key spelled out, with units for people."""
    return written(config.model_dump(mode="json"))


def defaults() -> dict[str, Any]:
    """Every default as people write it; the origin's URL is an example."""
    config = Config.model_validate({"origin": {"url": EXAMPLE_ORIGIN}})
    values = config.model_dump(mode="json")
    # depends on who asks, and is computed anew wherever it is read
    values["spool"]["directory"] = None
    return values


def written(values: Mapping[str, Any]) -> str:
    """`values` as a YAML document in block style, lists of plain values in one line."""
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 4096  # a URL is not to be folded
    yaml.Representer = _Representer
    stream = io.StringIO()
    yaml.dump(_escaped(values), stream)
    return stream.getvalue()


class _Representer(RoundTripRepresenter):
    """Writes null as a word, where YAML would let nothing at all stand for it."""


_Representer.add_representer(
    type(None), lambda self, _: self.represent_scalar("tag:yaml.org,2002:null", "null")
)


def _escaped(value: Any) -> Any:
    """`value` for the file, where a dollar sign begins a reference to a variable."""
    if isinstance(value, Mapping):
        return {key: _escaped(item) for key, item in value.items()}
    if isinstance(value, list):
        items = CommentedSeq(map(_escaped, value))
        if not any(isinstance(item, Mapping) for item in value):
            items.fa.set_flow_style()
        return items
    return value.replace("$", "$$") if isinstance(value, str) else value


def schema() -> dict[str, Any]:
    """JSON Schema of the file, for editors.

    It accepts at least what the program accepts: a value may be a reference to a
    variable, and nothing is required, because the environment may have it.

    Source: JSON Schema, draft 2020-12.
    """
    made = Config.model_json_schema()
    ready = {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
    for key, section, properties in _sections(ready):
        for name, found in properties.items():
            found.pop("default", None)
            field = section.model_fields[name]
            found["description"] = paragraphs(field.description or "")
            choices = get_args(field.annotation)
            if "enum" in found:
                properties[name] = _choice(found, choices)
            if ".".join((*key, name)) in KEYS and not field.is_required():
                properties[name]["default"] = _at(defaults(), (*key, name))
    for part in (Route, RouteUploads, RouteSpool, RouteAuth):
        _without_defaults(part, ready["$defs"][part.__name__])
    return ready


def _without_defaults(part: type[Section], told: dict[str, Any]) -> None:
    """A part of a route, whose defaults are what the top level says."""
    told.pop("required", None)
    if part is Route:
        told["required"] = ["name"]
    for name, found in told["properties"].items():
        found.pop("default", None)
        found["description"] = paragraphs(part.model_fields[name].description or "")


def paragraphs(text: str) -> str:
    """`text` with one line for each of its paragraphs."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _sections(
    ready: dict[str, Any],
) -> Iterator[tuple[tuple[str, ...], type[Section], dict[str, Any]]]:
    """Every section that stands once, with its key and its properties."""
    yield (), Config, ready["properties"]
    ready.pop("required", None)
    groups = {tuple(key.split(".")[:-1]) for key in KEYS} - {()}
    for key in sorted(groups):
        section = section_at(key)
        assert section is not None
        part = ready["$defs"][section.__name__]
        part.pop("required", None)
        yield key, section, part["properties"]


def _choice(found: dict[str, Any], choices: tuple[Any, ...]) -> dict[str, Any]:
    """One of some words, or a reference to a variable that holds one."""
    reference = {"type": "string", "pattern": REFERENCE_PATTERN}
    return {
        "title": " | ".join(map(str, choices)),
        "description": found["description"],
        "anyOf": [{"enum": found["enum"]}, reference],
    }


def _at(values: Any, key: Key) -> Any:
    for step in key:
        values = values[step]
    return values
