"""The questions, one function each: something is tried, and what is said is told.

No meaning is given to it here. What only makes sense after something else is left out
of the story when that did not come about. The one invariant: an upload is begun by the
speaker, which cancels it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import MappingProxyType
from typing import Final

from proxy.conformance.exchange import Story
from proxy.conformance.speaker import Speaker

from . import append, asking, creation, lengths, transfers

Probe = Callable[[Speaker], Awaitable[Story]]

PROBES: Final = MappingProxyType[str, Probe](
    {
        probe.__name__: probe
        for probe in (
            creation.created,
            creation.finished,
            creation.cut_creation,
            creation.unheard,
            creation.odd_creations,
            creation.parameters,
            creation.invalid_creation,
            creation.unversioned,
            creation.old,
            creation.expectation,
            creation.cancelled,
            creation.digest,
            asking.asked,
            asking.forbidden,
            asking.unknown,
            asking.discovered,
            append.appended,
            append.mismatch,
            append.pipelined,
            append.integers,
            append.invalid_append,
            append.unsaid,
            append.media_types,
            append.unversioned_append,
            lengths.length_creations,
            lengths.short_creation,
            lengths.short_append,
            lengths.length_appends,
            lengths.overrun,
            lengths.limits,
            transfers.cut_append,
            transfers.takeover,
            transfers.progress,
        )
    }
)
"""Every probe by its name."""
