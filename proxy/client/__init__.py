"""A client of resumable uploads, for whoever asks from the other side of the wire.

    target     URLs, taken apart, pure
    wire       HTTP/1.1 over one connection, so that interim responses are seen

It knows nothing of the proxy but the protocol, and imports none of its rooms.
"""
