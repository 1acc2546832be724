"""Whether an RSA modulus bears the mark of a library that made keys which can be factored (ROCA, CVE-2017-15361).

Its primes are ``k * M + (65537 ** a mod M)``, where ``M`` is the product of the first primes; so modulo each of those
the product of two of them is a power of 65537, which for other moduli is so by chance once in 2**27.
"""

from __future__ import annotations

from typing import Final

_PRIMES: Final = (
    *(3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97),
    *(101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167),
)


def _powers(prime: int) -> frozenset[int]:
    found, power = set(), 1
    while power not in found:
        found.add(power)
        power = power * 65537 % prime
    return frozenset(found)


_MARKS: Final = tuple((prime, _powers(prime)) for prime in _PRIMES)


def is_marked(modulus: int) -> bool:
    """Whether ``modulus`` has to be taken for one of those."""
    return all(modulus % prime in powers for prime, powers in _MARKS)
