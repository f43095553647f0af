"""The form that an origin gets: what it may be called, and what it can have."""

from __future__ import annotations

import pytest

from proxy import choices
from proxy.config import ConfigError, load
from proxy.core.forms import Form, FormField

from .conftest import Written

FIELD = "the name of a form field such as file or photo[image]"
FILE = "a file name such as upload.bin, without a path"
HEADER = "the name of a request's field such as X-Title or Authorization"


def test_what_is_said_and_what_is_not(written: Written) -> None:
    text = """
origin:
  url: http://a
  wrap: multipart
  form:
    field: photo[image]
    fields:
      - {name: "title & more", header: X-Title}
"""
    origin = load(written(text), {}).origin
    assert origin.wrap == "multipart"
    fields = (FormField("title & more", b"x-title"),)
    assert choices.form(origin) == Form("photo[image]", "upload.bin", fields)


def test_one_word_is_enough(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPLOAD_PROXY_ORIGIN__WRAP", "multipart")
    origin = load(None, {"origin.url": "http://a"}).origin
    assert origin.wrap == "multipart"
    assert choices.form(origin) == Form("file", "upload.bin")


def test_a_route_has_the_form_of_the_top_level_and_may_do_without(
    written: Written,
) -> None:
    text = """
origin: {url: "http://a", wrap: multipart, form: {field: photo}}
routes:
  - {name: named, match: {paths: /a}, origin: {form: {filename: x.jpg}}}
  - {name: plain, match: {paths: /b}, origin: {wrap: raw}}
"""
    named, plain = load(written(text), {}).routes
    assert (named.origin.wrap, plain.origin.wrap) == ("multipart", "raw")
    assert choices.form(named.origin) == Form("photo", "x.jpg")


@pytest.mark.parametrize("of_route", [False, True])
def test_what_a_field_lacks_is_told_once_and_where_it_is(
    written: Written, *, of_route: bool
) -> None:
    """A route that has the field from the top level says nothing of it."""
    lacking = "form: {fields: [{name: a}]}"
    text = "origin: {url: http://a%s}\nroutes: [{name: b, origin: {retry_for: 1s%s}}]"
    said = ("", f", {lacking}") if of_route else (f", {lacking}", "")
    with pytest.raises(ConfigError) as refused:
        load(written(text % said), {})
    [error] = refused.value.errors
    where = "routes[0].origin.form" if of_route else " origin.form"
    assert f"{where}.fields[0].header: expected the name of" in str(error)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("wrap: form", 'wrap: expected raw or multipart, got "form"'),
        ('form: {field: ""}', f'form.field: expected {FIELD}, got ""'),
        ("form: {field: 1}", f"form.field: expected {FIELD}, got 1"),
        ("form: {field: 'a\"b'}", f'form.field: expected {FIELD}, got "a\\"b"'),
        ('form: {field: "a\\nb"}', f'form.field: expected {FIELD}, got "a\\nb"'),
        ("form: {filename: a/b}", f'form.filename: expected {FILE}, got "a/b"'),
        ("form: {filename: ..}", f'form.filename: expected {FILE}, got ".."'),
        ("form: {filename: 'a\\b'}", f'form.filename: expected {FILE}, got "a\\\\b"'),
        (
            "form: {fields: [{name: a}]}",
            "form.fields[0].header: expected the name of a request's field, such as "
            "X-Title, got nothing",
        ),
        (
            "form: {fields: [{name: a, header: 'X: y'}]}",
            f'form.fields[0].header: expected {HEADER}, got "X: y"',
        ),
        *(
            (
                f"form: {{fields: [{{name: a, header: {name}}}]}}",
                "form.fields[0].header: expected a field that uploads keep, got "
                f'"{name}"; this one goes no further than us',
            )
            for name in ("Upload-Length", "Connection", "content-length", "Expect")
        ),
        (
            "form: {fields: {a: b}}",
            "form.fields: expected a list",
        ),
        (
            "form: {file_name: x}",
            'form.file_name: unknown key; did you mean "filename"?',
        ),
    ],
)
def test_a_mistake_says_what_was_expected(
    said: str, expected: str, written: Written
) -> None:
    text = f"origin:\n  url: http://a\n  {said}\n"
    with pytest.raises(ConfigError) as refused:
        load(written(text), {})
    [error] = refused.value.errors
    assert f"origin.{expected}" in str(error)
