"""``python -m proxy`` is ``upload-proxy``."""

from proxy.cli import main

main()
