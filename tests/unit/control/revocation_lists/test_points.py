from __future__ import annotations

from cryptography import x509
from cryptography.x509.oid import NameOID
from ocsp_answers import naming
from rows import rows

from portcullis.control.revocation_lists.points import is_at, points_of
from portcullis.testing.certificates import Authority

MESH = Authority("mesh")
URL = "http://pki.example/mesh.crl"
HOSTS = ("pki.example", "127.0.0.1")


@rows(
    ("url", "expected"),
    [
        (URL, True),
        ("https://PKI.example/mesh.crl", True),
        ("http://pki.example:80/a", True),
        ("http://127.0.0.1:8080/a", True),
        ("http://pki.example:8080/a", False),
        ("http://other.example/a", False),
        ("http://pki.example.other/a", False),
        ("http://user@pki.example/a", False),
        ("ldap://pki.example/a", False),
        ("http://pki.example:x/a", False),
        ("http://[::1", False),
        ("http://pki.example/a\nb", False),
        ("", False),
    ],
)
def test_only_what_the_file_lets_is_fetched(url, expected):
    assert is_at(url, HOSTS) is expected


@rows(
    ("url", "expected"),
    [(URL, True), ("https://any.example/", True), ("http://any.example:22/", False), ("http:///a", False), ("", False)],
)
def test_of_one_that_is_trusted_any_host_will_do(url, expected):
    assert is_at(url, None) is expected


def test_a_certificate_names_its_lists():
    assert points_of(MESH.issue(change=naming(list_url=URL)).certificate, HOSTS) == [URL]
    assert points_of(MESH.issue(change=naming(list_url="http://other.example/a")).certificate, HOSTS) == []
    assert points_of(MESH.issue(change=naming(list_url=URL)).certificate, None) == [URL]
    assert points_of(MESH.issue().certificate, HOSTS) == []


def test_lists_of_others_and_for_some_reasons_only_are_no_lists_to_go_by():
    place = [x509.UniformResourceIdentifier(URL)]
    other = [x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "other")]))]
    for point in (
        x509.DistributionPoint(place, None, frozenset({x509.ReasonFlags.key_compromise}), None),
        x509.DistributionPoint(place, None, None, other),
    ):
        issued = MESH.issue(change=lambda builder, point=point: _with(builder, point))
        assert points_of(issued.certificate, HOSTS) == []


def _with(builder: x509.CertificateBuilder, point: x509.DistributionPoint) -> x509.CertificateBuilder:
    return builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
