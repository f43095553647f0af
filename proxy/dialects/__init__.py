"""How clients say it: from a request's head to an intent, from an outcome to a reply.

A dialect is pure and holds no upload. The server asks ``Dialects.choose`` which one a
request speaks; None means that it is no upload and is passed through. Today there is
one family, the IETF's resumable uploads in its versions (``rufh``, told apart by the
table in ``profiles``). Beside it: ``discovery`` for OPTIONS, ``cors`` for browsers,
``problems`` for the documents that explain an error.
"""

from .choice import Dialects
from .dialect import Dialect, Locate

__all__ = ["Dialect", "Dialects", "Locate"]
