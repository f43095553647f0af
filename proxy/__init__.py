"""A reverse proxy that gives any upload endpoint resumable uploads.

The rooms, from the door down; imports point down only:

    cli, demo    arguments and exit codes; the embedded demonstration
    app          the only place where parts are chosen and joined; config beside it
    server       one HTTP handler: head in, intent, uploads, reply out
    relay, wire  what is no upload, passed through; aiohttp to our values and back
    uploads      create, append, tell an offset, cancel: each a short road
    deliveries   one forward per complete upload; intake, leases, origin below it
    ledger       the only place where an upload changes its state
    spool        where bytes rest; dialects: how clients say it
    core         pure: what an upload is and what may happen to it
"""

__version__ = "0.1.0"
