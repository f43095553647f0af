"""Values with some of their fields changed.

Values here are frozen, so every change is a copy: an upload is copied six times within
one request that is all of it. ``replace`` is that of ``dataclasses`` in about half the
time, which goes through the names of all fields again for each copy. The one invariant:
what it gives was made by the constructor of its class, like every other value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # so that types are checked as there
    from dataclasses import replace as replace
else:
    from dataclasses import fields
    from functools import cache
    from operator import attrgetter

    def replace(value, /, **changes):
        """`value`, of a dataclass, with `changes` to its fields.

        Raises:
            KeyError: it has no such field, or none that is said to the constructor.
        """
        get, places, by_name = _shape(type(value))
        kind, *told = get(value)
        for name, changed in changes.items():
            told[places[name]] = changed
        if not by_name:
            return kind(*told)
        first = len(told) - len(by_name)
        return kind(*told[:first], **dict(zip(by_name, told[first:], strict=True)))

    @cache
    def _shape(kind):
        """What gives a value's class and all that its constructor is told; at which
        place of the latter each field stands; the last ones, told by their names."""
        told = [field for field in fields(kind) if field.init]
        by_name = [field.name for field in told if field.kw_only]
        names = [field.name for field in told if not field.kw_only] + by_name
        # with the class there are two at least, so that it is a tuple in any case
        get = attrgetter("__class__", *names)
        return get, {name: place for place, name in enumerate(names)}, by_name
