"""aiohttp's server to our values and back: the door, heads, bodies, replies.

What aiohttp parses is taken as it came and checked where aiohttp does not check; what
we answer is written by us, byte for byte. The one invariant: a client sees either a
whole response, or a connection that visibly broke.

    door        the server and its connections
    attendance  who waits for something else learns when a client has gone
    gate        from a connection to one that speaks TLS
    turned      connections that are not served
    turns       the requests of one connection, answered one after the other
    heads       a request's head, with every check that RFC 9110 and 9112 leave to us
    bodies      a request's content, which loses no byte when it breaks off
    shortcut    a long body, past aiohttp into one buffer for all
    crowd       many long bodies, fetched in rounds
    replies     responses, interim ones, and the hard end of a connection
    problems    errors as RFC 9457 documents
"""

from .attendance import client_present
from .bodies import Body
from .door import Door, Handler
from .door import Terms as DoorTerms
from .gate import GateSite
from .gate import Terms as TlsTerms
from .heads import BadRequest, front_of_request, read_head
from .problems import problem_reply, with_request_id
from .replies import Sent, abort, send, send_interim, send_switch
from .shortcut import Shortcut, lacking

__all__ = [
    "BadRequest",
    "Body",
    "Door",
    "DoorTerms",
    "GateSite",
    "Handler",
    "Sent",
    "Shortcut",
    "TlsTerms",
    "abort",
    "client_present",
    "front_of_request",
    "lacking",
    "problem_reply",
    "read_head",
    "send",
    "send_interim",
    "send_switch",
    "with_request_id",
]
