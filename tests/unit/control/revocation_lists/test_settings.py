from __future__ import annotations

from portcullis.control.revocation_lists.settings import ListenerLists, RevocationListsSettings, settings_of, topic_of
from portcullis.engine.config.model import Configuration

TLS = {"certificate": "a.pem", "key": "a.key"}


def test_the_listeners_that_look_at_lists() -> None:
    fresh = {"revocation": {"lists": ["a.crl", "http://pki.example.com/b.crl"], "refresh": "10m"}}
    configuration = Configuration.model_validate(
        {
            "listeners": {
                "mesh": {"bind": "127.0.0.1:0", "tls": {**TLS, "client_ca": "ca.pem", **fresh}},
                "public": {"bind": "127.0.0.1:0", "tls": TLS},
                "plain": {"bind": "127.0.0.1:0"},
            },
            "apis": {
                "shop": {
                    "hosts": ["*"],
                    "upstream": {"targets": ["http://127.0.0.1:9"]},
                    "versions": {"v1": {"spec": "shop.yaml"}},
                }
            },
        }
    )
    wanted = ListenerLists("mesh", "ca.pem", ("a.crl", "http://pki.example.com/b.crl"), 600.0)
    assert settings_of(configuration) == RevocationListsSettings((wanted,))
    assert topic_of("mesh") != topic_of("public")
