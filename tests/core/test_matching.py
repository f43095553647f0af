"""Which requests may become uploads (R17 c): the operator's list."""

from __future__ import annotations

import pytest

from proxy.core.matching import Rule, fits_any_rule, fits_any_target
from proxy.core.upload import Head


def head(
    method: str = "POST",
    target: str = "/photos",
    media_type: bytes = b"",
    host: bytes = b"h.example",
) -> Head:
    fields = [(b"Host", host)]
    if media_type:
        fields.append((b"Content-Type", media_type))
    return Head(method, target, tuple(fields))


@pytest.mark.parametrize(
    ("rule", "given", "fits"),
    [
        (Rule(), head(), True),
        (Rule(methods=("PUT",)), head(), False),
        (Rule(methods=("PUT", "POST")), head(), True),
        (Rule(paths=("/photos",)), head(), True),
        (Rule(paths=("/photos",)), head(target="/photos?x=1"), True),
        (Rule(paths=("/photos",)), head(target="/photos/1"), False),
        (Rule(paths=("/photos/*", "/p*s")), head(), True),
        (Rule(paths=("/a.b",)), head(target="/axb"), False),
        (Rule(paths=("/a%2Fb",)), head(target="/a/b"), False),
        (Rule(paths=("/photos",)), head(target="http://h.example/photos"), True),
        (Rule(media_types=("image/jpeg",)), head(media_type=b"image/jpeg"), True),
        (Rule(media_types=("image/*",)), head(media_type=b"Image/PNG; q=1"), True),
        (Rule(media_types=("image/*",)), head(media_type=b"video/mp4"), False),
        (Rule(media_types=("image/*",)), head(), False),
        (Rule(host="h.example"), head(), True),
        (Rule(host="h.example"), head(host=b"H.Example:8080"), True),
        (Rule(host="h.example"), head(host=b"h.example:"), True),
        (Rule(host="h.example"), head(host=b"h.example."), True),
        (Rule(host="h.example"), head(host=b"h.example.:80"), True),
        (Rule(host="*.h.example"), head(host=b"a.h.example."), True),
        (Rule(host="h.example"), head(host=b"h.example.."), False),
        (Rule(host="[::1]"), head(host=b"[::1]:80"), True),
        (Rule(host="*.h.example"), head(host=b"a.h.example"), True),
        (Rule(host="*.h.example"), head(), False),
        (Rule(methods=("POST",), paths=("/other",)), head(), False),
    ],
)
def test_a_rule_fits_when_all_that_it_says_does(
    rule: Rule, given: Head, *, fits: bool
) -> None:
    assert rule.fits(given) is fits


def test_no_rules_fit_everything_and_one_that_fits_is_enough() -> None:
    assert fits_any_rule(head(), ())
    assert fits_any_rule(head(), (Rule(methods=("PUT",)), Rule()))
    assert not fits_any_rule(head(), (Rule(methods=("PUT",)),))


def test_discovery_asks_only_for_path_and_host() -> None:
    rules = (Rule(methods=("POST",), paths=("/photos",), media_types=("image/*",)),)
    assert fits_any_target(head("OPTIONS"), rules)
    assert not fits_any_target(head("OPTIONS", "/other"), rules)
    assert fits_any_target(head("OPTIONS"), ())


@pytest.mark.parametrize(
    ("rule", "given", "takes"),
    [
        (Rule(methods=("POST",), paths=("/photos",)), head("OPTIONS"), True),
        (Rule(media_types=("image/*",), host="h.example"), head("OPTIONS"), True),
        (Rule(methods=("POST",), paths=("/other",)), head("OPTIONS"), False),
        (Rule(methods=("POST",), paths=("/photos",)), head("PUT"), False),
        (Rule(methods=("POST",)), head("OPTIONS"), False),
        (Rule(media_types=("image/*",)), head("OPTIONS"), False),
        (Rule(methods=("OPTIONS",)), head("OPTIONS"), True),
        (Rule(), head("OPTIONS"), True),
    ],
)
def test_a_question_takes_the_route_of_its_target(
    rule: Rule, given: Head, *, takes: bool
) -> None:
    """With which method and content an upload would come, OPTIONS does not say; a rule
    that speaks of nothing else would take every question there is."""
    assert rule.takes(given) is takes


@pytest.mark.parametrize(
    ("rule", "other", "covers"),
    [
        (Rule(), Rule(), True),
        (Rule(), Rule(methods=("PUT",), host="a"), True),
        (Rule(methods=("PUT", "POST")), Rule(methods=("PUT",), paths=("/a",)), True),
        (Rule(methods=("PUT",)), Rule(methods=("PUT", "POST")), False),
        (Rule(methods=("PUT",)), Rule(), False),
        (Rule(paths=("/a/*",)), Rule(paths=("/a/b", "/a/*/c")), True),
        (Rule(paths=("/a/*",)), Rule(paths=("/a/b", "/a")), False),
        (Rule(paths=("/a/*",)), Rule(), False),
        (Rule(paths=("/a",)), Rule(paths=("/*",)), False),
        (Rule(media_types=("image/*",)), Rule(media_types=("image/png",)), True),
        (Rule(media_types=("image/png",)), Rule(media_types=("image/*",)), False),
        (Rule(host="*.a"), Rule(host="*.b.a"), True),
        (Rule(host="*.a"), Rule(host="a"), False),
        (Rule(host="*.a"), Rule(), False),
    ],
)
def test_a_rule_covers_another_when_it_takes_all_that_fits_it(
    rule: Rule, other: Rule, *, covers: bool
) -> None:
    assert rule.covers(other) is covers
