"""Settings that are right one by one and wrong together.

What operators ask must not share a port with clients; and what is said of TLS or of
the form of an origin that has neither was meant for something. At the top level such a
key may be meant for a route, and then it is right. The one invariant: what nobody said,
and what a route has from the top level, is no mistake of the route.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import InitErrorDetails

from proxy.addresses import Address, meet

from .quantities import WrongValue

if TYPE_CHECKING:
    from .forwarding import Origin
    from .model import Route

_NO_TLS: Final = WrongValue("an https origin to go with it", 'the key is "url"')
_NO_FORM: Final = WrongValue('"wrap: multipart" to go with it')


def shared_with_clients(
    admin: Address, listen: Sequence[Address]
) -> Iterator[InitErrorDetails]:
    """A mistake when clients could be answered by the admin listener."""
    met = next((one for one in listen if meet(admin, one)), None)
    if met is not None:
        wrong = WrongValue(
            "another address than that of clients", f"listen has {met}", str(admin)
        )
        yield _mistake(("admin", "listen"), str(admin), wrong)


def without_effect(
    origin: Origin, routes: Sequence[Route]
) -> Iterator[InitErrorDetails]:
    """A mistake for every key below `tls` or `form` of an origin that has none."""
    fresh = type(origin).model_construct(url=origin.url)
    every = [origin, *(route.origin for route in routes)]
    yield from _idle(("origin",), origin, fresh, every)
    for number, route in enumerate(routes):
        where = ("routes", number, "origin")
        yield from _idle(where, route.origin, origin, [route.origin])


def _idle(
    where: tuple[int | str, ...], origin: Origin, above: Origin, users: Sequence[Origin]
) -> Iterator[InitErrorDetails]:
    """Those of `origin` that are not as `above` has them, and none of `users` needs."""
    if not any(one.url.startswith("https:") for one in users):
        yield from _differing((*where, "tls"), origin.tls, above.tls, _NO_TLS)
    if not any(one.wrap == "multipart" for one in users):
        yield from _differing((*where, "form"), origin.form, above.form, _NO_FORM)


def _differing(
    where: tuple[int | str, ...], group: Any, above: Any, wrong: WrongValue
) -> Iterator[InitErrorDetails]:
    for name in type(group).model_fields:
        value = getattr(group, name)
        if value != getattr(above, name):
            shown = value if isinstance(value, bool | tuple) else str(value)
            yield _mistake((*where, name), shown, wrong)


def _mistake(
    where: tuple[int | str, ...], value: Any, wrong: WrongValue
) -> InitErrorDetails:
    return InitErrorDetails(
        type="value_error", loc=where, input=value, ctx={"error": wrong}
    )
