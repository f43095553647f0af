"""Real front proxies before the proxy, set up by the very files of ``config/fronts``.

In those files only names of files, ports and addresses are replaced by those of the
test. A front that the machine does not have makes its tests NOT RUN. The table
``FRONTS`` in ``fronts.py`` says what is expected of each; the page on fronts shows the
same, checked.
"""
