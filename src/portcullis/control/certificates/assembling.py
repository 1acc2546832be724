"""Making what is renewed from what the configuration says: paths that can be opened, secrets revealed."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from portcullis.control.acme.messages import Authority
from portcullis.control.certificates.inventory import MANAGED
from portcullis.control.certificates.private_issuing import PrivateAuthority, authority_at
from portcullis.control.certificates.renewing import ManagedCertificate
from portcullis.control.certificates.states import CertificateFolder
from portcullis.engine.config.values import SecretReference
from portcullis.engine.ports import SecretError
from portcullis.stores.files import ConfigurationFiles
from portcullis.stores.secrets import SourceSecrets

if TYPE_CHECKING:
    from portcullis.control.parts.managed_certificates import AuthoritySettings, ManagedCertificatesSettings

_log = logging.getLogger(__name__)


def assemble(settings: ManagedCertificatesSettings, files: ConfigurationFiles, state: Path) -> list[ManagedCertificate]:
    """The certificates of ``settings``. An authority whose secret can't be had is told and left out."""
    folder = CertificateFolder(state / MANAGED)
    known: dict[str, Authority | PrivateAuthority] = {}
    for each in settings.authorities:
        if (made := _authority(each, files, folder)) is not None:
            known[each.name] = made
    for own in settings.private:
        certificate, key = str(files.path(own.certificate)), str(files.path(own.key))
        known[own.name] = authority_at(own.name, certificate, key, own.lifetime)
    bundles = {each.name: each.bundle for each in settings.private}
    return [
        ManagedCertificate(
            each.name,
            each.names,
            tuple(known[name] for name in each.authorities if name in known),
            each.challenge,
            each.dns_hook,
            each.dns_wait,
            each.key,
            each.spiffe_id,
            "" if each.folder is None else str(files.path(each.folder)),
            tuple(str(files.path(path)) for name in each.authorities[:1] for path in bundles.get(name, ())),
        )
        for each in settings.certificates
        if not each.authorities or any(name in known for name in each.authorities)
    ]


def _authority(settings: AuthoritySettings, files: ConfigurationFiles, folder: CertificateFolder) -> Authority | None:
    key = ""
    if settings.key:
        try:
            key = SourceSecrets(files).reveal(SecretReference.parse(settings.key)).decode("ascii")
        except (SecretError, ValueError) as error:
            why = error if isinstance(error, SecretError) else "it is not base64url"
            _log.error("portcullis: certificate authority %s: the key of the external account: %s", settings.name, why)
            return None
    return Authority(
        settings.name,
        settings.directory,
        str(folder.account(settings.name)),
        settings.contact,
        None if settings.ca is None else str(files.path(settings.ca)),
        settings.proxy,
        settings.key_id,
        key,
        settings.profile,
    )
