"""What operators' machines are told: counts, gauges and histograms for Prometheus.

The rooms below say what has happened, by small protocols of their own, and know nothing
of this one. Here that becomes numbers, a process's numbers become a snapshot, and
snapshots of several processes one total. The one invariant: a counter never goes down,
whichever process has ended.

    catalogue   every metric: name, type, meaning, labels, buckets, how processes add up
    cells       the numbers themselves, and the book of all of them in one process
    routes      where the label `route` comes from
    listeners   where the label `listener` comes from
    requests    what clients asked and heard, counted
    uploads     what happens to uploads, counted
    origins     exchanges with the origin, counted
    questions   those to auth servers
    storage     the spool: bytes, waits for the disk, how much it holds
    lag         how late the event loop is
    standing    what is just now: read when somebody asks
    process     what the system and the interpreter say of the process
    meters      all of these for one process
    totals      snapshots of several processes as one, those that have ended included
    exposition  a total in the words of Prometheus
"""
