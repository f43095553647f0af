"""What is answered to bytes that are no request, by what the parser says of them.

A parser that knows a fixed set of methods refuses a request with another one as if it
were no HTTP at all. It is a request, only not for us. The one invariant: what does not
begin with a whole and valid request line is told that it is no HTTP.

Source: RFC 9110 "Methods": 501 for a method that is not known.
"""

from __future__ import annotations

import re
from typing import Final

from aiohttp.http_exceptions import BadStatusLine, LineTooLong

from proxy.core.upload import Reply

from .problems import problem_reply

_QUOTED_LINE: Final = re.compile(
    r"""b["'][A-Za-z0-9!#$%&'*+.^_`|~-]+ [!-~]+ HTTP/1\.[01]["']\n""", re.ASCII
)
"""A request line, as the parser's words on a bad one quote it. One that came in pieces
can be quoted without its beginning, or its end."""


def unparsed_reply(exc: BaseException | None) -> Reply:
    """The answer to what made the parser say `exc`."""
    if isinstance(exc, LineTooLong):
        return problem_reply(431, "head-too-large", "A line of the head is too long.")
    if str(exc).endswith("Too many headers received"):
        return problem_reply(431, "head-too-large", "The head has too many fields.")
    if isinstance(exc, BadStatusLine) and _names_a_method(exc.message):
        detail = "The method is not one that is known here."
        return problem_reply(501, "method-not-known", detail)
    return problem_reply(400, "bad-request", "What was received is not valid HTTP/1.1.")


def _names_a_method(words: str) -> bool:
    """True when `words` are about the method of a line that is all right otherwise.

    "Invalid method" are those that no protocol of the parser has, or only another one
    than HTTP; "Expected space" those that begin as one that it has.
    """
    about_it = "Invalid method" in words or "Expected space after method" in words
    return about_it and _QUOTED_LINE.search(words) is not None
