from __future__ import annotations

import msgspec
from rows import rows

from portcullis.engine.key_limits import KeyLimits
from portcullis.engine.operation import UNROUTED

READ = msgspec.structs.replace(UNROUTED, api="shop", name="GET /orders")


def test_a_key_that_works_everywhere_has_no_limits() -> None:
    assert KeyLimits.of((), (), ()) is None


@rows(
    ("apis", "operations", "networks", "exceeded"),
    [
        (["shop", "mail"], [], [], None),
        (["mail"], [], [], "operation"),
        ([], ["GET /orders"], [], None),
        ([], ["POST /orders"], [], "operation"),
        (["shop"], ["GET /orders"], ["192.0.2.0/24"], None),
        (["mail"], ["GET /orders"], [], "operation"),
        (["shop"], ["POST /orders"], [], "operation"),
        ([], [], ["192.0.2.0/24"], None),
        ([], [], ["192.0.2.7"], None),
        ([], [], ["198.51.100.0/24", "2001:db8::/32"], "address"),
        (["shop"], ["GET /orders"], ["198.51.100.0/24"], "address"),
        ([], [], ["nonsense"], "address"),
    ],
)
def test_a_call_keeps_to_all_of_them(
    apis: list[str], operations: list[str], networks: list[str], exceeded: str | None
) -> None:
    limits = KeyLimits.of(apis, operations, networks)
    assert limits is not None
    assert limits.exceeded(READ, "192.0.2.7") == exceeded


def test_what_is_no_address_is_in_no_network() -> None:
    limits = KeyLimits.of((), (), ("0.0.0.0/0", "::/0"))
    assert limits is not None
    assert limits.exceeded(READ, "unknown") == "address"
    assert limits.networks == "0.0.0.0/0, ::/0"
