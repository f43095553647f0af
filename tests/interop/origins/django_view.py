"""A Django project in one file: a view that stores the document of a form.

Where it is stored says UPLOADS.
"""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings  # type: ignore[import-untyped]

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="known to everybody",
    MEDIA_ROOT=os.environ["UPLOADS"],
    MEDIA_URL="/documents/",
    USE_TZ=True,
)

from django.core.files.storage import default_storage  # type: ignore[import-untyped]  # noqa: E402
from django.core.wsgi import get_wsgi_application  # type: ignore[import-untyped]  # noqa: E402
from django.http import JsonResponse  # type: ignore[import-untyped]  # noqa: E402
from django.urls import path  # type: ignore[import-untyped]  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # type: ignore[import-untyped]  # noqa: E402
from django.views.decorators.http import require_POST  # type: ignore[import-untyped]  # noqa: E402
from django.views.static import serve  # type: ignore[import-untyped]  # noqa: E402


def store(request: Any) -> Any:
    document = request.FILES["document"]
    stored = default_storage.save(document.name, document)
    told = {
        "name": document.name,
        "title": request.POST["title"],
        "media_type": document.content_type,
    }
    return JsonResponse(
        told, status=201, headers={"Location": default_storage.url(stored)}
    )


urlpatterns = [
    path("documents", csrf_exempt(require_POST(store))),
    path("documents/<path:path>", serve, {"document_root": settings.MEDIA_ROOT}),
]

application = get_wsgi_application()
