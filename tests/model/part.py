"""One part of an upload as its client sends it, and as much of it as arrives.

What is said about a part (its lengths, whether it is the last, what its version would
want) is drawn apart from its content, so that the two often disagree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from hypothesis import strategies as st

from .content import Content, End


@dataclass(frozen=True)
class Part:
    """The content of one request, and what is said about it."""

    size: int
    arrives: int
    """Bytes that reach the proxy, of a content that does not come to its end."""
    held: int
    """Bytes of those that are not read when it is cut."""
    end: End
    finishing: bool
    chunked: bool
    announces: int | None
    """Bytes of the whole upload by `Upload-Length`, counted from the end of the part;
    None: not said."""
    fatal: bool
    progress: bool
    interims: bool
    cut_on_storage_failure: bool

    @property
    def content_length(self) -> int | None:
        return None if self.chunked else self.size

    def announced(self, at: int) -> int | None:
        """Bytes of the whole upload by `Upload-Length`, for a part that starts at
        `at`."""
        if self.announces is None:
            return None
        return max(0, at + self.size + self.announces)

    def content(
        self, data: bytes, at: int, *, internal: bool, act: Callable[[], None]
    ) -> Content:
        """`data`, as it comes in; `internal`: it ends its upload all the same."""
        finishing, length = self.finishing or internal, self.announced(at)
        if finishing and not self.chunked and length is None:
            length = at + self.size
        make = partial(Content, at=at, finishing=finishing, length=length, act=act)
        # all of a known length has come to its end, whatever happens then
        most = self.size if self.chunked else self.size - 1
        if self.end in ("ends", "ends late") or most < 0:
            half = self.size // 2
            late = self.end == "ends late" and self.chunked
            end: End = "ends late" if late else "ends"
            return make(data[:half], data[half:], end=end)
        came = data[: min(self.arrives, most)]
        read = max(0, len(came) - self.held)
        return make(came[:read], held=came[read:], end=self.end)


PARTS = st.builds(
    Part,
    size=st.integers(0, 4),
    arrives=st.integers(0, 4),
    held=st.integers(0, 2),
    end=st.sampled_from(["ends", "ends", "ends late", "cut", "stalls"]),
    finishing=st.booleans(),
    chunked=st.booleans(),
    announces=st.sampled_from([None, None, None, 0, 0, 3, -1]),
    fatal=st.booleans(),
    progress=st.booleans(),
    interims=st.booleans(),
    cut_on_storage_failure=st.booleans(),
)
