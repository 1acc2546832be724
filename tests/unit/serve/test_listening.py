"""The listening sockets."""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.serve.listening import ListeningSockets, format_address

Bind = tuple[str, int]
LOOPBACK = "127.0.0.1"


class Loaded:
    """Where everything in the file stands, as far as it matters here."""

    def diagnostic(self, path: Sequence[str | int], message: str, hint: str = "") -> Diagnostic:
        return Diagnostic("portcullis.yaml", 1, 1, ".".join(map(str, path)), message, hint)


LOADED: Any = Loaded()


def configured(*, tls: bool = False, **listeners: Bind) -> Any:
    made = {name: SimpleNamespace(bind=bind, tls=object() if tls else None) for name, bind in listeners.items()}
    return SimpleNamespace(listeners=made)


@pytest.fixture
def sockets() -> Iterator[ListeningSockets]:
    sockets = ListeningSockets()
    yield sockets
    sockets.close()


@pytest.fixture
def others() -> Iterator[socket.socket]:
    """A socket of another program, which would share its port."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind((LOOPBACK, 0))
        yield other


def port_of(each: socket.socket) -> int:
    port: int = each.getsockname()[1]
    return port


def can_connect(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(5)
        return client.connect_ex((LOOPBACK, port)) == 0


def test_each_worker_has_a_socket_of_its_own_on_the_same_port(sockets: ListeningSockets) -> None:
    configuration = configured(public=(LOOPBACK, 0))
    sockets.open(configuration, 3, LOADED)
    served = sockets.of(configuration, 3)["public"]
    assert len({each.fileno() for each in served}) == 3
    assert len({port_of(each) for each in served}) == 1


def test_two_listeners_may_both_leave_the_choice_of_a_port_to_the_system(sockets: ListeningSockets) -> None:
    configuration = configured(public=(LOOPBACK, 0), internal=(LOOPBACK, 0))
    sockets.open(configuration, 1, LOADED)
    served = sockets.of(configuration, 1)
    assert port_of(served["public"][0]) != port_of(served["internal"][0])


def test_nothing_listens_before_a_worker_does(sockets: ListeningSockets) -> None:
    configuration = configured(public=(LOOPBACK, 0))
    sockets.open(configuration, 1, LOADED)
    [each] = sockets.of(configuration, 1)["public"]
    assert not can_connect(port_of(each))
    each.listen()
    assert can_connect(port_of(each))


def test_opening_again_keeps_what_is_open_and_adds_what_is_missing(sockets: ListeningSockets) -> None:
    configuration = configured(public=(LOOPBACK, 0))
    sockets.open(configuration, 1, LOADED)
    [first] = sockets.of(configuration, 1)["public"]
    first.listen()
    sockets.open(configuration, 3, LOADED)
    served = sockets.of(configuration, 3)["public"]
    assert served[0] is first
    assert {port_of(each) for each in served} == {port_of(first)}


def test_fewer_workers_get_the_first_sockets(sockets: ListeningSockets) -> None:
    configuration = configured(public=(LOOPBACK, 0))
    sockets.open(configuration, 3, LOADED)
    assert sockets.of(configuration, 1)["public"] == sockets.of(configuration, 3)["public"][:1]


def test_the_admin_listener_has_one_socket_that_no_worker_gets(sockets: ListeningSockets) -> None:
    configuration = configured(public=(LOOPBACK, 0), admin=(LOOPBACK, 0))
    assert sockets.admin() == []
    sockets.open(configuration, 3, LOADED)
    assert len(sockets.admin()) == 1
    assert list(sockets.of(configuration, 3)) == ["public"]


@pytest.fixture
def open_descriptors() -> Iterator[Callable[[], int]]:
    """Counts them; nothing that another test has left is closed between two counts."""
    gc.disable()
    yield lambda: sum(1 for _ in Path("/proc/self/fd").iterdir())
    gc.enable()


# What is not free.


def test_a_port_that_another_program_listens_on_is_not_shared_with_it(
    sockets: ListeningSockets, others: socket.socket
) -> None:
    others.listen()
    with pytest.raises(ConfigurationError) as caught:
        sockets.open(configured(public=(LOOPBACK, port_of(others))), 2, LOADED)
    [error] = caught.value.diagnostics
    assert error.pointer == "listeners.public.bind"
    assert error.message == f"can't listen on 127.0.0.1:{port_of(others)}: Address already in use"
    assert error.hint == "choose a free address"


def test_where_one_listener_can_not_be_opened_none_is(
    sockets: ListeningSockets, others: socket.socket, open_descriptors: Callable[[], int]
) -> None:
    others.listen()
    free = (LOOPBACK, 0)
    configuration = configured(a=free, b=(LOOPBACK, port_of(others)), c=("192.0.2.1", 8080))
    before = open_descriptors()
    with pytest.raises(ConfigurationError) as caught:
        sockets.open(configuration, 2, LOADED)
    assert [error.pointer for error in caught.value.diagnostics] == ["listeners.b.bind", "listeners.c.bind"]
    assert open_descriptors() == before
    with pytest.raises(KeyError):
        sockets.of(configuration, 2)


def test_a_failed_reload_leaves_what_was_open(sockets: ListeningSockets, others: socket.socket) -> None:
    others.listen()
    old = configured(public=(LOOPBACK, 0))
    sockets.open(old, 1, LOADED)
    [each] = sockets.of(old, 1)["public"]
    each.listen()
    with pytest.raises(ConfigurationError):
        sockets.open(configured(public=(LOOPBACK, 0), more=(LOOPBACK, port_of(others))), 2, LOADED)
    assert sockets.of(old, 2)["public"] == [each]
    assert can_connect(port_of(each))


def test_a_listener_may_get_another_name_while_it_listens(sockets: ListeningSockets, others: socket.socket) -> None:
    bind = (LOOPBACK, port_of(others))
    others.close()
    old, new = configured(public=bind), configured(web=bind)
    sockets.open(old, 1, LOADED)
    sockets.of(old, 1)["public"][0].listen()
    sockets.open(new, 1, LOADED)
    sockets.of(new, 1)["web"][0].listen()
    sockets.keep_only(new, 1)
    assert can_connect(bind[1])


# Ending.


def test_what_is_not_served_any_more_refuses_connections_at_once(sockets: ListeningSockets) -> None:
    old = configured(public=(LOOPBACK, 0), admin=(LOOPBACK, 0))
    sockets.open(old, 2, LOADED)
    served = sockets.of(old, 2)["public"]
    for each in served:
        each.listen()
    port = port_of(served[0])
    inherited = served[1].dup()  # as a worker would hold it
    sockets.keep_only(configured(admin=(LOOPBACK, 0)), 2)
    assert not can_connect(port)
    assert len(sockets.admin()) == 1
    inherited.close()


def test_sockets_of_workers_there_are_no_more_are_closed(sockets: ListeningSockets) -> None:
    configuration = configured(public=(LOOPBACK, 0))
    sockets.open(configuration, 3, LOADED)
    served = sockets.of(configuration, 3)["public"]
    served[0].listen()
    sockets.keep_only(configuration, 1)
    assert sockets.of(configuration, 3)["public"] == served[:1]
    assert [each.fileno() for each in served[1:]] == [-1, -1]
    assert can_connect(port_of(served[0]))


def test_stopping_ends_all_listeners_but_the_admin_one(sockets: ListeningSockets) -> None:
    configuration = configured(public=(LOOPBACK, 0), admin=(LOOPBACK, 0))
    sockets.open(configuration, 1, LOADED)
    [each], [admin] = sockets.of(configuration, 1)["public"], sockets.admin()
    each.listen()
    admin.listen()
    ports = port_of(each), port_of(admin)
    sockets.stop_listening()
    sockets.stop_listening()
    assert [can_connect(port) for port in ports] == [False, True]


def test_a_child_keeps_only_what_it_uses_and_does_not_end_what_others_use(sockets: ListeningSockets) -> None:
    configuration = configured(public=(LOOPBACK, 0), admin=(LOOPBACK, 0))
    sockets.open(configuration, 1, LOADED)
    [each], admin = sockets.of(configuration, 1)["public"], sockets.admin()
    each.listen()
    with each.dup() as parents:
        sockets.close_inherited(but=admin)
        assert each.fileno() == -1
        assert admin[0].fileno() != -1
        assert can_connect(port_of(parents))


def test_closing_closes_everything(sockets: ListeningSockets, open_descriptors: Callable[[], int]) -> None:
    configuration = configured(public=(LOOPBACK, 0), admin=(LOOPBACK, 0))
    before = open_descriptors()
    sockets.open(configuration, 2, LOADED)
    sockets.close()
    assert open_descriptors() == before
    assert sockets.admin() == []


# Addresses.


@pytest.mark.parametrize(("tls", "scheme"), [(False, "http"), (True, "https")])
def test_addresses_are_told_as_urls_with_the_port_that_was_chosen(
    sockets: ListeningSockets, tls: bool, scheme: str
) -> None:
    configuration = configured(tls=tls, public=(LOOPBACK, 0))
    sockets.open(configuration, 1, LOADED)
    port = port_of(sockets.of(configuration, 1)["public"][0])
    assert port
    assert sockets.addresses(configuration) == {"public": f"{scheme}://127.0.0.1:{port}"}


def test_an_ipv6_address_is_written_in_brackets(sockets: ListeningSockets) -> None:
    assert format_address(("::1", 8443)) == "[::1]:8443"
    assert format_address(("0.0.0.0", 80)) == "0.0.0.0:80"


@pytest.mark.skipif(not socket.has_ipv6, reason="this system has no IPv6")
def test_ipv6_is_listened_on_too(sockets: ListeningSockets) -> None:
    configuration = configured(public=("::1", 0))
    try:
        sockets.open(configuration, 2, LOADED)
    except ConfigurationError:
        pytest.skip("the loopback interface has no IPv6 address")
    assert sockets.addresses(configuration)["public"].startswith("http://[::1]:")
