"""What the control process tells workers, by topic: :class:`~portcullis.engine.ports.Topics`.

Subscriptions are made in the template, while policies are compiled; each worker inherits them and is told for itself.
"""

from __future__ import annotations

from collections.abc import Callable

Apply = Callable[[bytes], None]


class TopicSubscriptions:
    """Who wants to know of what."""

    __slots__ = ("_subscribed",)

    def __init__(self) -> None:
        self._subscribed: dict[str, list[Apply]] = {}

    def __repr__(self) -> str:
        return f"TopicSubscriptions({', '.join(sorted(self._subscribed))})"

    def subscribe(self, topic: str, apply: Apply) -> None:
        """See :meth:`Topics.subscribe <portcullis.engine.ports.Topics.subscribe>`."""
        self._subscribed.setdefault(topic, []).append(apply)

    def tell(self, topic: str, known: bytes) -> None:
        """Hand on what is known of ``topic``; nobody may want it. Raises ``ValueError`` where it can't be read."""
        for apply in self._subscribed.get(topic, ()):
            apply(known)
