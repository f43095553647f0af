"""Ten thousand cuts: what reached the process before each, and what of it was kept.

    choices   what each cut looks like, from the seed alone
    kernel    what the kernel knows of a connection: what came, what was read of it
    transfer  one request over a socket: what of its content lies in how many bytes
    leaving   the ways a transfer is left, and what had surely reached the process
    worker    a process that makes its share of the cuts
    run       the proxy, the workers and the sum

The one invariant: what is compared with the offset is what the kernel says the process
had got, or was bound to get, never what the client would like to have sent.
"""
