"""What an operator does with the uploads of a spool, be a proxy at work on it or not.

    guest      a process that visits a spool: what it may look at and lock
    entry      one upload, as it stood when it was looked at
    wanted     which uploads are meant: by the beginning of a token, or by what they are
    catalogue  all uploads, or those that are meant, oldest first
    acts       resend and purge, under the locks that the proxy's processes take
    copies     export: the body to a file
    wording    sizes, times and sentences for people
    rows, life one upload as a row, as an object for machines, and with all of its life

The one invariant: what is changed is changed under the lease of the upload and while
nobody else delivers it, so that nothing is sent twice and nothing is lost.
"""
