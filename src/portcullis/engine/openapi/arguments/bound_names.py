"""Names that services take for one another where they bind parameters, and fields of forms, to what they know."""

from __future__ import annotations


def as_bound(name: str) -> str:
    """What a service may bind ``name`` to: ``role`` of ``role[]``, of ``Role[0]``, of ``[role]`` and of `` role``.

    So do PHP, and Express, and many that do not tell cases apart.
    """
    return name.casefold().strip().removeprefix("[").partition("[")[0].partition("]")[0]
