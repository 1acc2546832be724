"""The life of one exchange as the engine sees it: routed, decided phase by phase, recorded.

A mount makes an :class:`Exchange` when a request head has arrived, then calls, in this order and until one of
them refuses (or answers):

:meth:`Exchange.decide_head`           the head steps
:meth:`Exchange.begin_body`            says whether the body is held back whole (``holds_body``), scanned as it streams
                                       (``scans_body``), or passes as it is
:meth:`Exchange.decide_body`           the body steps, where it was held back
:meth:`Exchange.scan_body`             the stream steps, for each piece that streams
:meth:`Exchange.first_read`            says what has to be read of the service before the request is sent, as often as
                                       there is something: :meth:`Exchange.decide_first_read` decides by its answer
:meth:`Exchange.decide_response`       the response head steps; ``holds_response`` says whether the answer is held back
:meth:`Exchange.decide_response_body`  the response body steps
:meth:`Exchange.conclude`              the answer steps, whoever answers

It carries the request to the upstream with the changes that steps asked for (``set_fields``, ``removed_fields``,
``query``, ``body``), the answer to the client with those to it (``answer``), and at the end asks for
:func:`record_of`.

Steps of a pipeline run one after another. A step that fails, or decides something that can't be applied, refuses
(fail closed); a step in ``monitor`` mode never ends an exchange, neither by refusing nor by failing. A step for the
request, or for the answer's whole body, may return an awaitable: then ``decide_*`` returns one too, and the mount
awaits it.
"""

from __future__ import annotations

from portcullis.engine.exchange.first_reads import FirstReads
from portcullis.engine.exchange.outcome import AnswerChanges, End
from portcullis.engine.exchange.recording import record_of
from portcullis.engine.exchange.request_side import RequestSide
from portcullis.engine.exchange.response_side import ResponseSide

__all__ = ["AnswerChanges", "End", "Exchange", "record_of"]


class Exchange(RequestSide, FirstReads, ResponseSide, eq=False, gc=False):
    """One request and what becomes of it, from its head to its record."""
