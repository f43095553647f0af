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
