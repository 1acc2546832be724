"""What can be learnt of a peer's chain."""

from __future__ import annotations

import ssl

import pytest

from portcullis.mounts.judging_context import JudgingContext, presented_chain, verified_chain
from portcullis.testing.certificates import Authority


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLObject, list[bytes], bytes]:
    """A connection with a server, what that sent, and the authority it goes back to."""
    folder = tmp_path_factory.mktemp("tls")
    root = Authority("root")
    server = Authority("between", parent=root).issue(dns=["shop.internal"])
    server.write(folder / "a.pem", folder / "a.key")
    (folder / "ca.pem").write_bytes(root.pem)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(folder / "a.pem", folder / "a.key")
    ours = JudgingContext(ssl.PROTOCOL_TLS_CLIENT)
    ours.load_verify_locations(folder / "ca.pem")
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ours.wrap_bio(down, up, server_hostname="shop.internal")
    other = theirs.wrap_bio(up, down, server_side=True)
    for each in (client, other, client, other):
        try:
            each.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return client, server.chain_der, root.der


def test_what_was_presented_is_there(connection: tuple[ssl.SSLObject, list[bytes], bytes]) -> None:
    client, sent, _ = connection
    assert list(presented_chain(client)) == sent


def test_what_was_verified_goes_up_to_the_authority(connection: tuple[ssl.SSLObject, list[bytes], bytes]) -> None:
    client, sent, root = connection
    assert list(verified_chain(client)) == [*sent, root]


def test_a_context_judges_nobody_unless_it_is_told_to() -> None:
    context = JudgingContext(ssl.PROTOCOL_TLS_CLIENT)
    assert not context.judges
