"""Certificates delivered to those who show them: a folder in which certificate, key and trust bundle always fit.

What is current is a symbolic link to a folder of its own, which is replaced by renaming: whoever reads through it finds
the three files of one time.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Final

from portcullis.engine.certificates.reading import read_chain
from portcullis.stores.private_files import write_private

CURRENT: Final = "current"
CERTIFICATE, KEY, BUNDLE = "certificate.pem", "key.pem", "bundle.pem"
_DELIVERED: Final = re.compile("[0-9a-f]{16}")
_END_OF_KEY: Final = b"-----END PRIVATE KEY-----\n"


def deliver(pair: bytes, bundle: bytes, folder: Path) -> bool:
    """Put ``pair`` (key and chain in PEM) and ``bundle`` (authorities to trust) into ``folder``; whether they were new.

    Raises ``OSError``, and ``ValueError`` where there is no such pair.
    """
    read_chain(pair)
    key, end, chain = pair.partition(_END_OF_KEY)
    if not end:
        raise ValueError("there is no private key in it")
    name = sha256(pair + bundle).hexdigest()[:16]
    link = folder / CURRENT
    if link.is_symlink() and link.readlink().name == name:
        return False
    place = folder / name
    for file, content in ((KEY, key + end), (CERTIFICATE, chain.lstrip()), (BUNDLE, bundle)):
        write_private(place / file, content)
    new = folder / f".{CURRENT}"
    new.unlink(missing_ok=True)
    new.symlink_to(name)
    before = link.readlink().name if link.is_symlink() else ""
    new.replace(link)
    _clear(folder, {name, before})
    return True


def _clear(folder: Path, kept: set[str]) -> None:
    """Remove what was delivered before the last time: nobody reads it any more. What else is there is somebody's."""
    for each in folder.iterdir():
        if _DELIVERED.fullmatch(each.name) and each.name not in kept and each.is_dir() and not each.is_symlink():
            with contextlib.suppress(OSError):
                shutil.rmtree(each)
