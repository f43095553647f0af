"""Ordinary upload endpoints, as somebody wrote them before resumable uploads.

Not one line here knows of the proxy. The three that take forms do the same: the field
``document`` is stored under a name that is free, ``title`` is told again, and the
answer is 201 with the stored file's place. nginx takes the file itself by PUT.
"""
