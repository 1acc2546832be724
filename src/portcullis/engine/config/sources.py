"""Which file each part of a configuration was read from."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence

import msgspec

from portcullis.engine.config.tree import Path


class Sources(msgspec.Struct, frozen=True):
    """The files of one configuration.

    ``file``: the configuration file, by the path the user wrote; ``included``: the files that hold an entry of it, by
    the entry's path (``("apis", "shop")``, or ``("apis",)`` where the configuration file has no such section), named
    relative to ``file`` like everything that it names.
    """

    file: str
    included: Mapping[Path, str] = {}

    def of(self, path: Sequence[str | int]) -> str:
        """The file that holds what stands at ``path``."""
        included = self.included
        if not included:
            return self.file
        return included.get(tuple(path[:2])) or included.get(tuple(path[:1]), self.file)

    def named(self, file: str) -> str:
        """``file``, which is the configuration file or an included one, as the user would name it."""
        return file if file == self.file else posixpath.join(posixpath.dirname(self.file), file)
