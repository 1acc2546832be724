from __future__ import annotations

import pytest

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.config.load import load_configuration

FILE = """\
listeners:
  public: {bind: "127.0.0.1:1", tls: {managed: shop}}
  plain: {bind: "127.0.0.1:2", redirect: https}
certificate_authorities:
  first: {acme: {directory: "https://a/dir", terms_agreed: true, contact: [ops@shop.example]}}
certificates:
  shop: {names: [shop.example], authorities: [first]}
apis:
  shop: {hosts: ["*"], upstream: {targets: ["https://s:1"]}, versions: {v1: {spec: a.yaml}}, public: true}
"""


def told(*changes: tuple[str, str]) -> str:
    text = FILE
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    with pytest.raises(ConfigurationError) as caught:
        load_configuration(text, "p.yaml")
    return str(caught.value)


def test_a_managed_certificate_is_read() -> None:
    configuration = load_configuration(FILE, "p.yaml").configuration
    shop = configuration.certificates["shop"]
    assert (shop.challenge, shop.key, shop.dns_wait) == ("tls-alpn-01", "ec-256", 30.0)
    assert configuration.certificate_authorities["first"].acme.contact == ["ops@shop.example"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([("authorities: [first]", "authorities: [first], challenge: dns-01")], "nothing sets records of the DNS"),
        ([("authorities: [first]", "authorities: [first], dns_hook: [x]")], "it is for dns-01 only"),
        ([("[shop.example]", '["*.shop.example"]')], "wildcards are proven by dns-01"),
        ([("managed: shop", "managed: other")], 'there is no certificate "other"'),
        ([("[first]", "[other]")], 'there is no certificate authority "other"'),
        ([("{managed: shop}", "{managed: shop, certificate: a.pem}")], "a managed certificate has no files of yours"),
        ([("{managed: shop}", "{certificate: a.pem}")], "there is no certificate"),
        ([("{managed: shop}", "{profile: modern}")], "there is no certificate"),
        ([(", tls: {managed: shop}", "")], "no listener answers tls-alpn-01"),
        (
            [(", redirect: https", ""), ("authorities: [first]", "authorities: [first], challenge: http-01")],
            "no listener answers http-01",
        ),
        ([("[shop.example]", "[Shop.example]")], "a host name in lower case"),
        ([("[shop.example]", "[localhost]")], "a host name in lower case"),
        ([("[shop.example]", "[]")], "names"),
        ([("terms_agreed: true", "terms_agreed: false")], "terms_agreed"),
        ([("https://a/dir", "http://a/dir")], "directory"),
        ([("ops@shop.example", "ops")], "contact"),
    ],
)
def test_what_could_not_work_is_told(changes: list[tuple[str, str]], message: str) -> None:
    assert message in told(*changes)
