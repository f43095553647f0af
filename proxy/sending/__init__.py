"""Files uploaded by a command, and what is kept so that it can go on.

    batch     one file after the other, paused by a signal
    files     what there is to be uploaded, and where to
    kept      what is left to do, in a file
    telling   the same for a terminal, for a log and for machines

The one invariant: what is known of an upload is kept before more of it goes out.
"""
