"""Which keys there are, and what stands below each: the model, walked.

For messages ("did you mean") and for whatever is made from the model. Only names live
here, no values.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, get_args, get_origin

from .model import Config
from .section import Section

Key = tuple[str | int, ...]
"""Where a value stands: names of keys, and numbers of items in lists, from 0."""


def dotted(key: Key) -> str:
    """The key for people: ``uploads.match[0].paths``."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in key)
    return "".join(steps).removeprefix(".")


def section_at(path: Key) -> type[Section] | None:
    """The section that stands at `path`, None when a plain value stands there."""
    section: type[Section] | None = Config
    for step in path:
        if isinstance(step, int):
            continue  # an item of a list of sections has the keys of all of them
        field = section.model_fields.get(step) if section else None
        section = section_in(field.annotation) if field else None
    return section


def section_in(annotation: Any) -> type[Section] | None:
    """The section in a field's annotation, be it optional or a list of them."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    found = (section_in(part) for part in get_args(annotation))
    return next((section for section in found if section), None)


def items_in(annotation: Any) -> type[Section] | None:
    """The section that every item is, where the field is a list of them."""
    return section_in(annotation) if get_origin(annotation) is tuple else None


def keys(section: type[Section] = Config, above: str = "") -> Iterator[str]:
    """Every key that holds a value, with dots: ``uploads.limits.max_age``."""
    for name, field in section.model_fields.items():
        inner = section_in(field.annotation)
        if inner is None or items_in(field.annotation):
            yield above + name
        else:
            yield from keys(inner, f"{above}{name}.")


KEYS: Final = tuple(keys())
"""Every key that holds a value, in the order of the reference."""
