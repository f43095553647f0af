"""A reverse proxy that gives any upload endpoint resumable uploads.

The rooms, from the door down; imports point down only:

    cli, demo, service        arguments and exit codes; a demonstration; one process
    app, choices              the parts chosen and joined; the configuration as values
    server, admin, sweep      one HTTP handler; probes; rounds through the spool
    access, visit, discovery  its log line; what is known of one request; OPTIONS
    relay, wire               what is no upload, passed through; aiohttp to our values
    uploads, upkeep           what a request does with an upload, and what needs none
    reception, standings      one part taken, progress told; where an upload stands
    deliveries, forward       one forward per upload: delivery, followers, keeper
    intake, leases, origin    the hot path; one writer per upload; the origin's side
    ledger                    the only place where an upload changes its state
    tally, register           open uploads, counted by client; kept
    spool, dialects           where bytes rest; how clients say it
    core                      pure: what an upload is and what may happen to it
"""

__version__ = "0.1.0"
