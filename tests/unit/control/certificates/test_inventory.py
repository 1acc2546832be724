from __future__ import annotations

from portcullis.control.certificates.inventory import ConfiguredCertificate, configured_certificates
from portcullis.engine.certificates.messages import CertificateId
from portcullis.engine.config.load import load_configuration

FILE = """\
listeners:
  public:
    bind: "127.0.0.1:1"
    tls: {certificate: a.pem, key: a.key, certificates: [{certificate: b.pem, key: b.key}, {managed: shop}]}
  second: {bind: "127.0.0.1:2", tls: {certificate: a.pem, key: a.key}}
  plain: {bind: "127.0.0.1:3"}
  admin: {bind: "127.0.0.1:4", tls: {certificate: admin.pem, key: admin.key}}
certificate_authorities: {x: {acme: {directory: "https://a/dir", terms_agreed: true}}}
certificates: {shop: {names: [shop.example], authorities: [x]}}
apis:
  shop:
    hosts: [shop.example]
    upstream: {targets: ["https://s:1"], tls: {certificate: own.pem, key: own.key}}
    versions: {v1: {spec: a.yaml}}
    public: true
"""


def test_every_certificate_is_there_once_with_who_uses_it() -> None:
    found = configured_certificates(load_configuration(FILE, "p.yaml").configuration)
    assert [(each.id, each.used_by, each.hosts) for each in found] == [
        (CertificateId("a.pem", "a.key"), ("listener public", "listener second"), ("shop.example",)),
        (CertificateId("b.pem", "b.key"), ("listener public",), ("shop.example",)),
        (CertificateId(managed="shop"), ("listener public",), ("shop.example",)),
        (CertificateId("admin.pem", "admin.key"), ("listener admin",), ()),
        (CertificateId("own.pem", "own.key"), ("upstream of shop",), ()),
    ]
    assert found[1].at == ("listeners", "public", "tls", "certificates", 0)
    assert (found[2].certificate, found[2].key) == (".portcullis/certificates/shop.pem",) * 2
    assert (found[1].certificate, found[1].key) == ("b.pem", "b.key")


def test_those_that_are_delivered_and_the_authorities_that_sign_are_there() -> None:
    text = FILE.replace(
        '{x: {acme: {directory: "https://a/dir", terms_agreed: true}}}',
        "{x: {private: {certificate: x.pem, key: x.key, bundle: [r.pem]}}}",
    ).replace(
        "{shop: {names: [shop.example], authorities: [x]}}",
        """
  shop: {names: [shop.example], authorities: [x], folder: both}
  orders: {names: [o.eu], authorities: [x], folder: certs}
  bought: {names: [b.eu]}
""",
    )
    found = configured_certificates(load_configuration(text, "p.yaml").configuration)
    assert [each.name for each in found] == [
        "a.pem",
        "b.pem",
        "shop",
        "admin.pem",
        "own.pem",
        "orders",
        "bought",
        "x.pem",
    ]
    assert found[2].used_by == ("listener public", "folder both")
    path = ".portcullis/certificates/orders.pem"
    at, keys = ("certificates",), ("orders", "orders")
    assert found[-2].used_by == ("no listener",)
    assert found[-3] == ConfiguredCertificate(
        CertificateId(managed="orders"), path, path, at, ("folder certs",), keys=keys
    )
    assert [each.signs for each in found] == [False] * 7 + [True]
    assert (found[-1].at, found[-1].used_by) == (("certificate_authorities", "x", "private"), ("authority x",))
