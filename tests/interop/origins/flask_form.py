"""A Flask application with a form for one document, stored where UPLOADS says."""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask, Response, jsonify, request, send_from_directory
from werkzeug.utils import secure_filename

STORE = Path(os.environ["UPLOADS"]).resolve()

app = Flask(__name__)


@app.post("/documents")
def store() -> Response:
    document = request.files["document"]
    safe = secure_filename(document.filename or "unnamed")
    place = STORE / f"{len(list(STORE.iterdir()))}-{safe}"
    document.save(place)
    answer = jsonify(
        name=document.filename,
        title=request.form["title"],
        media_type=document.mimetype,
    )
    answer.status_code = 201
    answer.headers["Location"] = f"/documents/{place.name}"
    return answer


@app.get("/documents/<name>")
def show(name: str) -> Response:
    return send_from_directory(STORE, name)
