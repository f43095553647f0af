"""OPTIONS about uploads that do not exist yet: what browsers and clients ask
beforehand.

For origins that the operator lists we answer browsers' preflights ourselves. Otherwise
the application is asked first, because its answer may be about more than uploads; only
where it has nothing to say do we answer alone, so that a client finds out that uploads
are resumable here although the application knows nothing of them.

Source: R80 to R85; draft-11 "Upload Limits".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from proxy.core.matching import Rule, fits_any_target
from proxy.core.target import ASTERISK, origin_form
from proxy.core.upload import Fields, Head, Limits, Reply
from proxy.core.values import replace
from proxy.dialects import Dialects
from proxy.dialects.cors import Pages, is_preflight, preflight_fields, with_cors
from proxy.dialects.discovery import beside_discovery, with_discovery

SAYS_NOTHING: Final = frozenset({404, 405, 501})
"""Statuses of an application that does not know OPTIONS, whatever content they have
(R81)."""
MAY_SAY_NOTHING: Final = frozenset({200, 204})
"""Those that say something only with content, or of CORS (R81)."""
_CORS: Final = b"access-control-"


@dataclass(frozen=True, slots=True)
class Discovery:
    """Answers OPTIONS outside the upload namespace."""

    dialects: Dialects
    limits: Limits
    """Those that hold for all uploads."""
    rules: tuple[Rule, ...]
    pages: Pages

    def allowed(self, head: Head, fields: Fields) -> Fields:
        """`fields` of a response to `head`, with what CORS lets its origin do (R86)."""
        if self._preflight(head):
            return fields  # it has been told already
        return with_cors(fields, head, self.pages)

    def own_answer(self, head: Head) -> Reply | None:
        """What we answer without asking the application, or None.

        A preflight from an origin that is listed (R85), and the question about the
        server as a whole (R83), for which only limits of all uploads are told.
        """
        preflight = self._preflight(head)
        of_server = origin_form(head.method, head.target) == ASTERISK
        if preflight or of_server:
            fields = (*self.dialects.discovery(head, self.limits), *preflight)
            return Reply(200, fields)
        return None

    def _preflight(self, head: Head) -> Fields:
        """What a browser is told beforehand; empty when that is not ours to say."""
        if not is_preflight(head):
            return ()
        return preflight_fields(head, self.pages)

    def concerns(self, head: Head) -> bool:
        """True for an OPTIONS request about a target where uploads may be made."""
        return (
            head.method == "OPTIONS"
            and head.content_length == 0
            and fits_any_target(head, self.rules)
        )

    def reply(self, head: Head, limits: Limits, said: Reply | None) -> Reply:
        """What the application `said` with ours added, or the other way round (R81).

        `limits`: of uploads that are made there. `said` is None when the application
        could not be asked.
        """
        if said is None or said.status in SAYS_NOTHING:
            return Reply(200, self.dialects.discovery(head, limits))
        version = self.dialects.version(head)
        if self._is_empty(said):
            return Reply(200, beside_discovery(said.fields, limits, version))
        if 200 <= said.status < 300:
            return replace(said, fields=with_discovery(said.fields, limits, version))
        return said

    @staticmethod
    def _is_empty(said: Reply) -> bool:
        """True for what a server says that knows no more of the target than methods."""
        speaks_of_cors = any(name.lower().startswith(_CORS) for name, _ in said.fields)
        is_mute = said.status in MAY_SAY_NOTHING and said.content == b""
        return is_mute and not speaks_of_cors
