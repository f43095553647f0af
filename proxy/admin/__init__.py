"""The operators' listener: is it alive, is it ready, how is it, let it drain.

Separate from the public listener, on loopback by default. ``/livez`` says that the
event loop turns, and looks at nothing else. ``/readyz`` says whether new uploads should
be sent here: the spool can be written and the proxy is not draining; an origin that is
down does not make it unready, since taking uploads meanwhile is the point. ``/metrics``
has all numbers for Prometheus, of all workers together. ``/drain`` makes it unready and
tells what is still in flight.
"""
