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
        """`value`, of a dataclass without fields that are told by name only, with
        `changes` to its fields.

        Raises:
            KeyError: it has no such field, or none that is said to the constructor.
        """
        get, places = _shape(type(value))
        kind, *told = get(value)
        for name, changed in changes.items():
            told[places[name]] = changed
        return kind(*told)

    @cache
    def _shape(kind):
        """What gives a value's class and all that its constructor is told, and at which
        place of the latter each field stands."""
        told = [field for field in fields(kind) if field.init]
        assert not any(field.kw_only for field in told), f"{kind} is told by name"
        names = [field.name for field in told]
        # with the class there are two at least, so that it is a tuple in any case
        get = attrgetter("__class__", *names)
        return get, {name: place for place, name in enumerate(names)}
