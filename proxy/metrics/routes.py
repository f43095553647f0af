"""Where the label `route` comes from: the name of a route in the configuration.

The one place that knows.
"""

from __future__ import annotations

from proxy.access import Access
from proxy.core.upload import DEFAULT_ROUTE, Upload


def of_upload(upload: Upload) -> str:
    """The route that the creation of the upload took."""
    return upload.route


def of_request(access: Access) -> str:
    """The route that a request takes, or that its upload took; the default for one that
    was answered before anybody looked."""
    return access.route or DEFAULT_ROUTE
