"""Which of a listener's certificates a client gets: that of the name it asks for (SNI, RFC 6066 3)."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable, Iterable
from typing import Any


class ServerNames:
    """Contexts by the names of their certificates: exact ones, then wildcards for one label (RFC 9525 6.3).

    ``nameless``: the context for who asks for no name; ``None``: that with which the handshake began.
    """

    __slots__ = ("_exact", "_wildcards", "nameless")

    def __init__(self) -> None:
        self.nameless: ssl.SSLContext | None = None
        self._exact: dict[str, ssl.SSLContext] = {}
        self._wildcards: dict[str, ssl.SSLContext] = {}

    def add(self, names: Iterable[str], context: ssl.SSLContext) -> list[str]:
        """Let ``context`` serve ``names`` (``shop.example``, ``*.shop.example``); those that another serves already."""
        taken = []
        for name in map(str.lower, names):
            known, key = (self._wildcards, name[1:]) if name.startswith("*.") else (self._exact, name)
            if known.setdefault(key, context) is not context:
                taken.append(name)
        return taken

    def replace(self, before: ssl.SSLContext, names: Iterable[str], context: ssl.SSLContext) -> list[str]:
        """Let ``context`` serve ``names`` in place of ``before``; those that a third one serves already."""
        for known in (self._exact, self._wildcards):
            for name in [name for name, each in known.items() if each is before]:
                del known[name]
        return self.add(names, context)

    def find(self, name: str) -> ssl.SSLContext | None:
        """The context for a client that asks for ``name``; ``None`` if no certificate is for it."""
        name = name.lower()
        found = self._exact.get(name)
        if found is None:
            label, dot, parent = name.partition(".")
            found = self._wildcards.get(dot + parent) if label else None
        return found

    def choose(self, connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> int | None:
        """For :attr:`ssl.SSLContext.sni_callback`: who asks for no name gets the first certificate of the listener.

        An unknown name is refused: whoever asks for it would be shown a certificate that it can't accept.
        """
        if name is None:
            if self.nameless is not None:
                connection.context = self.nameless
            return None
        found = self.find(name)
        if found is None:
            return int(ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME)
        connection.context = found
        return None


def without_unreadable_names(hook: Callable[[Any], object]) -> Callable[[Any], object]:
    """For :attr:`sys.unraisablehook`: ``hook``, but for names that are not ASCII.

    ``ssl`` refuses them (RFC 6066 3 has A-labels only) before it asks for a context, and reports each as an error that
    nobody caught. To the listener it is one failed handshake among others; strangers must not be able to fill the log.
    """

    def report(unraisable: sys.UnraisableHookArgs) -> None:
        if unraisable.exc_type is not UnicodeDecodeError or type(unraisable.object) is not bytes:
            hook(unraisable)

    return report
