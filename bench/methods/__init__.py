"""How figures are taken: one module a method. To add one: a :class:`~bench.measure.Session` and its ``Method``."""
