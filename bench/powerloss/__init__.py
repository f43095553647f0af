"""The campaign on a machine whose power goes, over a real file system.

    machine   the proxy on a drive of ours; its kill is a loss of power
    __main__  the command

The spool lies on a file system (ext4, or another one) on a loop device over a drive
that keeps what was not flushed apart (``tests.kit.device``) and loses any part of it
when the power goes. What was in the kernel's page cache is gone as well, and the next
start has another boot id. The one invariant: nothing that was told before is excused.
"""
