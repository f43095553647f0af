"""A block device of ours, under a real file system: it forgets, and it fails.

    fuse     one file, served to the kernel by the FUSE protocol
    memory   what of that file is on the platter, what is in the drive's cache
    drive    the process of both: ``python -m tests.kit.device.drive``
    volume   a loop device over the file, a file system on it, mounted

A drive keeps what was written since the last flush apart, as the cache of a real one
does. When its power is cut, any part of that is gone, in any order, sector by sector.
It needs root, ``/dev/fuse`` and loop devices, and no kernel module more. The one
invariant: what was written before a flush that was answered is never lost.
"""
