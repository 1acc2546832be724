from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.engine.cel.compiled import Compiled, Frame, constant
from portcullis.engine.cel.errors import EvaluationError
from portcullis.engine.cel.networks import compile_ip_in, parse_address, parse_network


def ip_in(address: Any, network: Any) -> bool:
    """Asked with a literal, and with a network that is only known when it is asked."""
    literal = compile_ip_in(Compiled(lambda _frame: address), constant(network)).run(Frame())
    late = compile_ip_in(Compiled(lambda _frame: address), Compiled(lambda _frame: network)).run(Frame())
    assert literal is late
    return bool(literal)


@rows(
    ("address", "network", "inside"),
    [
        ("10.1.2.3", "10.0.0.0/8", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("192.0.2.7", "192.0.2.7", True),
        ("::ffff:10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "::ffff:10.0.0.0/104", True),
        ("2001:db8::1", "2001:db8::/32", True),
        ("2001:db9::1", "2001:db8::/32", False),
        ("2001:db8::1", "0.0.0.0/0", False),
        ("10.1.2.3", "::/0", False),
        ("fe80::1%eth0", "fe80::/10", True),
    ],
)
def test_an_address_is_in_the_networks_that_hold_it(address: str, network: str, inside: bool) -> None:
    assert ip_in(address, network) is inside


@rows("text", ["", "a", "10.0.0", "10.0.0.0.1", "010.0.0.1", "10.0.0.1 ", "1" * 65, "fe80::1%" + "a" * 60, "[::1]"])
def test_what_is_no_address_is_an_error(text: str) -> None:
    with pytest.raises(EvaluationError):
        parse_address(text)


@rows("text", ["", "a", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8 "])
def test_what_is_no_network_is_an_error(text: str) -> None:
    with pytest.raises(EvaluationError):
        parse_network(text)
    with pytest.raises(EvaluationError):
        compile_ip_in(constant("10.0.0.1"), constant(text))


def test_what_is_no_text_is_an_error() -> None:
    for address, network in ((1, "10.0.0.0/8"), (None, "10.0.0.0/8"), ("10.0.0.1", 1)):
        with pytest.raises(EvaluationError):
            compile_ip_in(Compiled(lambda _f, a=address: a), Compiled(lambda _f, n=network: n)).run(Frame())
