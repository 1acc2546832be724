"""Which certificates a configuration names: those that the gateway shows others, delivers, or signs with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from portcullis.engine.certificates.messages import CertificateId
from portcullis.engine.config.listeners import CertificateFiles
from portcullis.engine.config.model import Configuration

Path = tuple[str | int, ...]
MANAGED: Final = "certificates"
"""The folder of managed certificates, in the state directory."""
_UNUSED: Final = ("no listener",)


class ConfiguredCertificate(msgspec.Struct, frozen=True):
    """A certificate, by its ``id``, at the first of the places in the file (``at``) where it is named.

    ``certificate`` and ``key``: paths of its files, which are one where it is managed; ``used_by``: in words;
    ``hosts``: what APIs answer to, where clients look at its name; none where services do; ``keys``: of the place,
    which name the files.
    """

    id: CertificateId
    certificate: str
    key: str
    at: Path
    used_by: tuple[str, ...]
    hosts: tuple[str, ...] = ()
    keys: tuple[str, str] = ("certificate", "key")

    @property
    def name(self) -> str:
        """What it is called in logs and metrics."""
        return self.id.name

    @property
    def signs(self) -> bool:
        """Whether it is that of an authority of one's own."""
        return self.at[:1] == ("certificate_authorities",)


def configured_certificates(configuration: Configuration) -> list[ConfiguredCertificate]:
    """All of them, each once."""
    found: dict[CertificateId, ConfiguredCertificate] = {}
    for each in (*_shown(configuration), *_managed(configuration), *_signing(configuration)):
        before = found.get(each.id)
        if before is None:
            found[each.id] = each
        else:
            used_by = tuple(dict.fromkeys((*before.used_by, *each.used_by)))
            found[each.id] = msgspec.structs.replace(before, used_by=used_by, hosts=before.hosts or each.hosts)
    return [msgspec.structs.replace(each, used_by=each.used_by or _UNUSED) for each in found.values()]


def managed_path(configuration: Configuration, name: str) -> str:
    """The file of the managed certificate ``name``, with its key; relative to the configuration file."""
    return f"{configuration.state.directory}/{MANAGED}/{name}.pem"


def id_of(pair: CertificateFiles) -> CertificateId:
    """What a certificate of a listener is called."""
    return (
        CertificateId(managed=pair.managed) if pair.managed else CertificateId(pair.certificate or "", pair.key or "")
    )


def files_of(configuration: Configuration, pair: CertificateFiles) -> tuple[str, str]:
    """The paths of certificate and key, relative to the configuration file."""
    if pair.managed is not None:
        path = managed_path(configuration, pair.managed)
        return path, path
    return pair.certificate or "", pair.key or ""


def _shown(configuration: Configuration) -> Iterator[ConfiguredCertificate]:
    hosts = tuple(sorted({host for api in configuration.apis.values() for host in api.hosts}))
    for name, listener in configuration.listeners.items():
        if listener.tls is None:
            continue
        user = (f"listener {name}",)
        # Health and metrics are asked for by any name.
        served = () if name == "admin" else hosts
        at: Path = ("listeners", name, "tls")
        pairs: list[tuple[Path, CertificateFiles]] = [(at, listener.tls)]
        pairs += [((*at, "certificates", index), pair) for index, pair in enumerate(listener.tls.certificates)]
        for place, pair in pairs:
            keys = ("managed", "managed") if pair.managed else ("certificate", "key")
            yield ConfiguredCertificate(id_of(pair), *files_of(configuration, pair), place, user, served, keys)
    for name, api in configuration.apis.items():
        own = api.upstream.tls
        if own.certificate is not None and own.key is not None:
            at = ("apis", name, "upstream", "tls")
            shown = CertificateId(own.certificate, own.key)
            yield ConfiguredCertificate(shown, own.certificate, own.key, at, (f"upstream of {name}",))


def _managed(configuration: Configuration) -> Iterator[ConfiguredCertificate]:
    for name, each in configuration.certificates.items():
        user = () if each.folder is None else (f"folder {each.folder}",)
        path = managed_path(configuration, name)
        yield ConfiguredCertificate(CertificateId(managed=name), path, path, ("certificates",), user, keys=(name, name))


def _signing(configuration: Configuration) -> Iterator[ConfiguredCertificate]:
    for name, each in configuration.certificate_authorities.items():
        if (own := each.private) is not None:
            at, user = ("certificate_authorities", name, "private"), (f"authority {name}",)
            yield ConfiguredCertificate(CertificateId(own.certificate, own.key), own.certificate, own.key, at, user)
