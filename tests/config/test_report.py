"""What is made from the model: as good as the model, and the files are up to date."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from proxy.config import Config, load
from proxy.config.handbook import markdown, reference
from proxy.config.keys import KEYS
from proxy.config.report import EXAMPLE_ORIGIN, defaults, effective, schema

from .conftest import Written

ROOT = Path(__file__).parents[2]
FILES = ["reference.yaml", "minimal.yaml", "container.yaml"]
EXAMPLE = {"origin.url": EXAMPLE_ORIGIN}

UNUSUAL = """
listen: ["[::1]:80", "unix:/run/$$x", fd:3]
public_url: https://a.example/prefix
trusted_proxies: [10.0.0.0/8]
keepalive_timeout: 1.5
admin: null
origin: {url: "unix:/run/app.sock", preserve_host: false}
uploads:
  match: [{methods: [POST], paths: "/a*", host: "*.example"}, {}]
  versions: [6, rfc]
  limits: {max_size: 1234567, max_age: 25h}
cors: {allow_origins: "*"}
spool: {directory: "/a b: #c"}
"""


def tree(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


@pytest.mark.parametrize("text", ["", UNUSUAL])
def test_what_is_in_effect_reads_as_itself(text: str, written: Written) -> None:
    config = load(written(text), {} if text else EXAMPLE)
    assert load(written(effective(config)), {}) == config


def test_what_is_in_effect_is_for_people(written: Written) -> None:
    lines = effective(load(written(UNUSUAL), {})).splitlines()
    assert lines[0] == "listen: ['[::1]:80', unix:/run/$$x, fd:3]"
    assert lines[1:3] == ["workers: 1", "reuse_port: false"]
    assert lines[3] == "public_url: https://a.example/prefix"
    assert "keepalive_timeout: 1.5s" in lines
    assert "header_limit: 64KiB" in lines
    assert "admin: null" in lines
    assert "    max_size: 1234567" in lines
    assert "    max_age: 25h" in lines


def test_what_is_in_effect_names_every_key() -> None:
    given = Config.model_validate({"origin": {"url": EXAMPLE_ORIGIN}})
    assert leaves(tree(effective(given))) == list(KEYS)


def leaves(values: dict[str, Any], above: str = "") -> list[str]:
    found = []
    for name, value in values.items():
        key = above + name
        found += leaves(value, key + ".") if isinstance(value, dict) else [key]
    return found


def test_the_reference_has_every_key_with_its_default() -> None:
    values = tree((ROOT / "config/reference.yaml").read_text())
    assert leaves(values) == list(KEYS)
    assert values == defaults()


def test_the_reference_says_what_the_model_says() -> None:
    file = ROOT / "config/reference.yaml"
    given = {"origin": {"url": EXAMPLE_ORIGIN}}
    assert load(file, {}) == Config.model_validate(given)
    assert all(len(line) <= 88 for line in file.read_text().splitlines())


@pytest.mark.parametrize(
    ("file", "made", "command"),
    [
        ("config/reference.yaml", reference, "schema --as yaml"),
        ("docs/configuration.md", markdown, "schema --as markdown"),
        (
            "config/schema.json",
            lambda: json.dumps(schema(), indent=2) + "\n",
            "schema",
        ),
    ],
)
def test_the_files_are_up_to_date(file: str, made: Any, command: str) -> None:
    assert (ROOT / file).read_text() == made(), (
        f"run: python -m proxy {command} > {file}"
    )


def test_the_documents_name_every_key_once() -> None:
    headings = re.findall(r"^### `(.+)`$", markdown(), re.MULTILINE)
    assert sorted(headings) == sorted(KEYS)


def test_every_key_is_explained() -> None:
    sections = [schema(), *schema()["$defs"].values()]
    for section in sections:
        for name, found in section["properties"].items():
            assert len(found.get("description", "")) > 15, name


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema())
    assert schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("name", FILES)
def test_the_files_we_ship_satisfy_it(name: str) -> None:
    text = (ROOT / "config" / name).read_text()
    Draft202012Validator(schema()).validate(tree(text))
    load(ROOT / "config" / name, EXAMPLE)


@pytest.mark.parametrize("name", ["reference.yaml", "minimal.yaml"])
def test_an_editor_finds_the_schema(name: str) -> None:
    first = (ROOT / "config" / name).read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=./schema.json"


@pytest.mark.parametrize(
    "text",
    [
        UNUSUAL,
        "header_limit: 65536",
        "header_limit: ${LIMIT}",
        "keepalive_timeout: ${T:-75s}",
        "log: {level: '${LEVEL:-info}'}",
        "origin: {preserve_host: '${P}', max_forwards: '${N}'}",
        "uploads: {limits: {max_size: 10 GiB, max_age: 1d12h}}",
    ],
)
def test_an_editor_accepts_what_the_program_accepts(text: str) -> None:
    Draft202012Validator(schema()).validate(tree(text))


@pytest.mark.parametrize(
    "text",
    [
        "orign: {}",
        "header_limit: 64K",
        "header_limit: -1",
        "keepalive_timeout: 75 s",
        "log: {level: loud}",
        "origin: {preserve_host: yes}",
        "uploads: {versions: [2]}",
        "listen: []",
        "location: null",
    ],
)
def test_an_editor_refuses_what_it_can_see_to_be_wrong(text: str) -> None:
    assert not Draft202012Validator(schema()).is_valid(tree(text))
