"""Uploads by the thousand under kill -9, cuts and a faulty origin, and what was lost.

    choices       what each upload and each request does, from the seed alone
    history       what one upload sent and was told, and when
    speaker       one request over a raw socket, left as was chosen
    uploader      one upload's walk: create, be cut, ask, go on, until it has ended
    origin        the server behind, a process that writes down and misbehaves
    disturbances  who kills and restarts the proxy and the origin, and when
    audit         every hash, every offset told and every origin request, compared
    report        the figures, for people and as JSON
    run           one campaign, from the first process to the last verdict

The one invariant: loopback only, bounded in count and in time, and nothing is left
running.
"""
