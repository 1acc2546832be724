"""Consumers that orders name: found, made, or brought to what a file declares."""

from __future__ import annotations

from collections.abc import Sequence

from portcullis.control.consumer_rules import plan_in_words, sorted_names
from portcullis.stores.database.consumers import ConsumerTransaction, StoredConsumer


def consumer_for(
    change: ConsumerTransaction, name: str, plan: str | None, roles: Sequence[str] | None, now: float
) -> StoredConsumer:
    """The consumer ``name``, made if it is new. Raises ``ValueError`` where it exists with another plan or roles.

    ``None``: whatever it has.
    """
    consumer = change.consumer(name)
    if consumer is None:
        consumer = StoredConsumer(name, plan or "", sorted_names(roles), now)
        change.put_consumer(consumer)
        return consumer
    if plan is not None and plan != consumer.plan:
        raise ValueError(f"consumer {name} exists with {plan_in_words(consumer.plan)}, not {plan_in_words(plan)}")
    if roles is not None and set(roles) != set(consumer.roles):
        raise ValueError(f"consumer {name} exists with other roles: {', '.join(consumer.roles) or 'none'}")
    return consumer


def declared_consumer(
    change: ConsumerTransaction, name: str, plan: str, roles: Sequence[str], now: float
) -> StoredConsumer:
    """The consumer ``name`` with exactly this plan and these roles, made or changed if need be."""
    consumer = change.consumer(name)
    held = sorted_names(roles)
    if consumer is None or (consumer.plan, consumer.roles) != (plan, held):
        consumer = StoredConsumer(name, plan, held, now if consumer is None else consumer.created)
        change.put_consumer(consumer)
    return consumer
