"""The operators' listener: is it alive, is it ready, how is it, what goes through it.

Separate from the public listener, on loopback by default. ``/livez`` says that the
event loop turns, and looks at nothing else. ``/readyz`` says whether new uploads should
be sent here: the spool can be written and the proxy is not draining; an origin that is
down does not make it unready, since taking uploads meanwhile is the point. ``/metrics``
has all numbers for Prometheus, of all workers together. ``/drain`` makes it unready and
tells what is still in flight.

    listener  the paths, and who answers for them
    desk      the uploads page over HTTP: files, JSON, acts
    guards    who may see it, and do something there
    watcher   looks for all who watch, once a second
    view      everything it shows, as one value
    glimpse   what is shown of an upload; what a process has in its hands
    roster    what lies in the spool
    paces     how fast uploads come in
    page/     what a browser gets: HTML, a style, a script

The one invariant: nothing here is reached from the public listener.
"""
