from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from ocsp_answers import REVOKED, UNKNOWN, answer, naming, nonce_in

from portcullis.control.certificates.revocation_asking import (
    MAX_PLACES,
    NobodyToAskError,
    NotToldError,
    ask_authority,
    ask_own_list,
    issuer_in,
)
from portcullis.control.outgoing import Fetched, OutgoingError
from portcullis.engine.certificates.revocation import Told
from portcullis.testing.certificates import Authority, Issued, pem_of

ROOT = Authority("root")
ISSUER = Authority("issuer", ROOT)
OCSP, LIST = "http://ocsp.example/", "http://pki.example/a.crl"
BOTH = ISSUER.issue(change=naming(OCSP, LIST))
LISTED = ISSUER.issue(change=naming(list_url=LIST))


class Outgoing:
    """Responders and lists, as a test wants them."""

    def __init__(self, about: Issued = BOTH) -> None:
        self.about = about
        self.asked: list[str] = []
        self.status: Any = None
        self.lists: dict[str, bytes] = {}

    async def post(self, url: str, body: bytes, *, sends: str, accept: str, most: int) -> bytes:
        self.asked.append(url)
        if self.status is None:
            raise OutgoingError(f"{url}: no answer in 5 s")
        return answer(self.about, ISSUER, self.status, nonce=nonce_in(body))

    async def get(self, url: str, *, accept: str, most: int) -> Fetched:
        self.asked.append(url)
        if url not in self.lists:
            raise OutgoingError(f"{url}: answered 404", 404)
        return Fetched(self.lists[url])


async def ask(outgoing: Any, chain: Any = None) -> Told:
    return await ask_authority(chain or [BOTH.certificate, *BOTH.chain], outgoing, time.time)


async def test_a_responder_is_asked_first_and_its_answer_is_enough() -> None:
    outgoing = Outgoing()
    outgoing.status = REVOKED
    told = await ask(outgoing)
    assert (told.status, told.source) == ("revoked", OCSP)
    assert told.since is not None
    assert abs(told.since - time.time()) < 60
    assert outgoing.asked == [OCSP]


@pytest.mark.parametrize("status", [None, UNKNOWN])
async def test_a_list_is_fetched_where_no_responder_says_anything(status: Any) -> None:
    outgoing = Outgoing()
    outgoing.status, outgoing.lists = status, {LIST: pem_of(ISSUER.revoked(BOTH))}
    told = await ask(outgoing)
    assert (told.status, told.source) == ("revoked", LIST)
    assert outgoing.asked == [OCSP, LIST]


async def test_all_that_is_in_the_way_is_told() -> None:
    outgoing = Outgoing()
    with pytest.raises(NotToldError) as caught:
        await ask(outgoing)
    assert str(caught.value) == f"{OCSP}: no answer in 5 s; {LIST}: answered 404"
    outgoing.status, outgoing.lists = UNKNOWN, {LIST: pem_of(ROOT.revoked())}
    with pytest.raises(NotToldError, match=f"{OCSP}: it does not know the certificate; {LIST}: the list is of CN=root"):
        await ask(outgoing)


async def test_answers_are_verified_by_the_authority_of_the_file() -> None:
    outgoing = Outgoing(LISTED)
    outgoing.lists = {LIST: pem_of(Authority("issuer").revoked(LISTED))}
    with pytest.raises(NotToldError, match="not signed by it"):
        await ask(outgoing, [LISTED.certificate, *LISTED.chain])
    with pytest.raises(NotToldError, match="is not in the file"):
        await ask(outgoing, [LISTED.certificate])


@pytest.mark.parametrize(
    "certificate",
    [
        ISSUER.issue().certificate,
        ROOT.certificate,
        ISSUER.issue(change=naming("ldap://ocsp.example/", "http://pki.example:22/a")).certificate,
        ISSUER.issue(change=naming("http://ocsp.example/\nportcullis: all is well")).certificate,
    ],
)
async def test_one_that_names_nobody_is_not_asked_about(certificate: x509.Certificate) -> None:
    outgoing = Outgoing()
    with pytest.raises(NobodyToAskError):
        await ask(outgoing, [certificate, ISSUER.certificate])
    assert outgoing.asked == []


async def test_no_more_places_are_tried_than_a_few() -> None:
    points = [
        x509.DistributionPoint([x509.UniformResourceIdentifier(f"http://pki.example/{number}")], None, None, None)
        for number in range(50)
    ]
    many = ISSUER.issue(
        change=lambda builder: builder.add_extension(x509.CRLDistributionPoints(points), critical=False)
    )
    outgoing = Outgoing()
    with pytest.raises(NotToldError):
        await ask(outgoing, [many.certificate, *many.chain])
    assert len(outgoing.asked) == MAX_PLACES


def test_an_own_list_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mesh.crl"
    with pytest.raises(NotToldError, match=r"mesh\.crl: No such file"):
        ask_own_list(path, LISTED.certificate, [ISSUER.certificate], time.time())
    path.write_text("nonsense")
    with pytest.raises(NotToldError, match=r"mesh\.crl: it is no revocation list"):
        ask_own_list(path, LISTED.certificate, [ISSUER.certificate], time.time())
    path.write_bytes(pem_of(ISSUER.revoked(BOTH)))
    assert ask_own_list(path, LISTED.certificate, [ISSUER.certificate], time.time()) == Told("good", str(path))


def test_who_has_signed_it_is_found_wherever_it_stands() -> None:
    assert issuer_in(BOTH.certificate, [ROOT.certificate, ISSUER.certificate]) is ISSUER.certificate
    assert issuer_in(BOTH.certificate, [ROOT.certificate]) is None
    assert issuer_in(BOTH.certificate, []) is None
