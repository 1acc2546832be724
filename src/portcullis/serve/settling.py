"""Memory that is there to stay, taken out of the garbage collector's sight.

The collector looks at everything that it knows, again and again while there comes more, though of a snapshot nothing
ever becomes garbage; and it writes to what it looks at, so that a child process gets a copy of its own of memory that
it could share. What has settled costs neither.
"""

from __future__ import annotations

import gc


def settle() -> None:
    """Whatever exists now and is no garbage stays for as long as this process does."""
    gc.collect()
    gc.freeze()
