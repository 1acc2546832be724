"""The calls of the demo as data: what to try, what comes back, and what it shows.

The same list is printed for a person to paste and, by ``--check``, made over sockets and compared.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from portcullis.demo.bookshop import READERS_ORDER, SHOPS_ORDER


class Consumer(msgspec.Struct, frozen=True):
    """A consumer of the demo, with a plan and roles of ``portcullis.yaml``."""

    name: str
    plan: str
    roles: tuple[str, ...] = ()


SHOP: Final = "corner-shop"
READER: Final = "night-reader"
CLERK: Final = "back-office"
CONSUMERS: Final = (Consumer(SHOP, "shop"), Consumer(READER, "reader"), Consumer(CLERK, "shop", ("clerk",)))
VARIABLES: Final[Mapping[str, str]] = {SHOP: "SHOP_KEY", READER: "READER_KEY", CLERK: "CLERK_KEY"}
"""The shell variables that the printed calls take the consumers' keys from."""
HEADER: Final = "X-API-Key"


class Call(msgspec.Struct, frozen=True):
    """One call and what comes of it.

    ``shows``: a sentence for the reader; ``consumer``: whose key goes with it, none if empty; ``body``: sent as JSON;
    ``status`` and ``code``: of the answer (``code`` is empty where the call passes); ``recorded``: the code in the
    record, where it says more than the answer: why the call was refused, or what was done to its answer; ``times``: so
    often in a row, of which the last must bring ``status``; ``bare_status``: what the API says to the same call when
    nothing stands in front of it; ``kept_back``: what it tells then, and the gateway does not; ``risk``: of OWASP's
    list, where the call is an attack by it.
    """

    name: str
    shows: str
    method: str
    path: str
    status: int
    code: str = ""
    recorded: str = ""
    consumer: str = SHOP
    body: Any = None
    times: int = 1
    bare_status: int = 0
    kept_back: str = ""
    risk: str = ""

    @property
    def expected_record(self) -> str:
        """The code by which it was refused, as the record has it; empty where the call passes."""
        return (self.recorded or self.code) if self.code else ""

    def curl(self, base: str, *, bare: bool = False) -> str:
        """The call for a shell, below the URL ``base``; ``bare``: without a key, for the API itself."""
        command = ["curl", "-s" if self.times > 1 else "-i"]
        if self.times > 1:
            command += ["-o", "/dev/null", "-w", shlex.quote("%{http_code} ")]
        if self.method != "GET":
            command += ["-X", self.method]
        if self.consumer and not bare:
            command += ["-H", f'"{HEADER}: ${VARIABLES[self.consumer]}"']
        if self.body is not None:
            command += ["-H", shlex.quote("Content-Type: application/json"), "-d", shlex.quote(json.dumps(self.body))]
        line = " ".join([*command, shlex.quote(base + self.path)])
        return f"for i in $(seq {self.times}); do {line}; done; echo" if self.times > 1 else line


_ORDER: Final = {"customer_id": SHOP, "items": [{"isbn": "9780141439518", "quantity": 2}]}

CALLS: Final = (
    Call("Allowed", "A key, and a call that bookshop.yaml declares: it passes.", "GET", "/books?genre=science", 200),
    Call("Allowed, with a body", "The order is checked down to its items.", "POST", "/orders", 201, body=_ORDER),
    Call("Public", "Only this operation says public: true.", "GET", "/status", 200, consumer=""),
    Call(
        "No key",
        "The API itself asks nobody. The answer does not tell what was wrong with the key; the record does.",
        "GET",
        f"/customers/{SHOP}",
        401,
        "authenticate.failed",
        "authenticate.missing",
        consumer="",
        bare_status=200,
    ),
    Call(
        "No scope",
        "Putting a book on sale needs the scope books:write, which this key was not given.",
        "POST",
        "/books",
        403,
        "authorize.missing_scope",
        body={"isbn": "9790000000001", "title": "Mine", "authors": ["A. N. Author"], "price": 1},
    ),
    Call(
        "Unknown field",
        "The API binds any field, so anybody could set his own price. The document has no total in an order.",
        "POST",
        "/orders",
        400,
        "validate.undeclared_field",
        body={**_ORDER, "total": 0.01, "status": "paid"},
        bare_status=201,
    ),
    Call(
        "Wrong type",
        "A quantity is a whole number; the API stumbles over anything else.",
        "POST",
        "/orders",
        400,
        "validate.wrong_type",
        body={**_ORDER, "items": [{"isbn": "9780141439518", "quantity": "two"}]},
        bare_status=500,
    ),
    Call(
        "Out of range",
        "From 1 to 50 of each, says the document. The API would owe the customer money.",
        "POST",
        "/orders",
        400,
        "validate.schema",
        body={**_ORDER, "items": [{"isbn": "9780141439518", "quantity": -2}]},
        bare_status=201,
    ),
    Call(
        "Unknown parameter",
        "Undeclared query parameters are refused, too.",
        "GET",
        "/books?genre=science&debug=true",
        400,
        "validate.undeclared_query",
        bare_status=200,
    ),
    Call(
        "Malformed id",
        "Path parameters are checked against their schema: an order's id has 36 characters of a certain form.",
        "GET",
        "/orders/1%20or%201=1",
        400,
        "validate.bad_parameter",
    ),
    Call(
        "Unknown path", "What is not in the document does not exist.", "GET", "/admin/users", 404, "guard.unknown_path"
    ),
    Call(
        "Unknown method",
        "Neither does a method that is not declared for its path.",
        "DELETE",
        f"/customers/{SHOP}",
        405,
        "guard.method_not_allowed",
    ),
    Call(
        "Another's order",
        "An id from somebody else's receipt. The answer is that for an order that does not exist.",
        "GET",
        f"/orders/{READERS_ORDER}",
        404,
        "objects.not_found",
        "objects.not_owner",
        bare_status=200,
        risk="API1:2023",
    ),
    Call(
        "Everybody's orders",
        f"The API lists the orders of all customers. Through the gate {READER} is not among them.",
        "GET",
        "/orders",
        200,
        recorded="objects.list_filtered",
        bare_status=200,
        kept_back=READER,
        risk="API1:2023",
    ),
    Call(
        "In another's name",
        "The customer of an order is whoever the body says.",
        "POST",
        "/orders",
        404,
        "objects.not_found",
        "objects.not_owner",
        body={**_ORDER, "customer_id": READER},
        bare_status=201,
        risk="API1:2023",
    ),
    Call(
        "Another's cancelled",
        "The gateway reads the order first. The API is never asked to cancel it.",
        "DELETE",
        f"/orders/{READERS_ORDER}",
        404,
        "objects.not_found",
        "objects.not_owner",
        bare_status=204,
        risk="API1:2023",
    ),
    Call(
        "A staff field",
        "A discount is declared, so the document lets it pass. Only a clerk may set it.",
        "POST",
        "/orders",
        403,
        "objects.field_refused",
        body={**_ORDER, "discount": 50},
        bare_status=201,
        risk="API3:2023",
    ),
    Call(
        "A field too many",
        "Reviews are for everybody, the addresses of those who wrote them are not: they are masked.",
        "GET",
        "/books/9780141439518/reviews",
        200,
        recorded="objects.field_hidden",
        bare_status=200,
        kept_back="blaise@example.org",
        risk="API3:2023",
    ),
    Call(
        "A staff function",
        "Giving the money back needs the permission orders:refund, which the role clerk gives.",
        "POST",
        f"/orders/{SHOPS_ORDER}/refund",
        403,
        "authorize.missing_permission",
        bare_status=200,
        risk="API5:2023",
    ),
    Call(
        "Allowed, by a role",
        "A clerk has it.",
        "POST",
        f"/orders/{SHOPS_ORDER}/refund",
        200,
        consumer=CLERK,
    ),
    Call(
        "Burst",
        "This consumer's plan allows bursts of 5, then one call a second; each answer says what is left.",
        "GET",
        f"/orders/{READERS_ORDER}",
        429,
        "limit.exceeded",
        consumer=READER,
        times=8,
    ),
)
