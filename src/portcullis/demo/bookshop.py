"""The bookshop: a sample API as they are often written, in plain Starlette.

It works, and it has the weaknesses of a normal one, on purpose, so that there is something to stand in front of:

* it trusts the ids it is given: anybody reads, lists and cancels anybody's orders (API1:2023);
* it asks nobody who he is (API2:2023), and lets everybody call as often as he likes (API4:2023);
* it returns whole rows, with fields that are nobody's business (API3:2023);
* it binds whatever fields a body brings, so a caller can set his own price (API3:2023);
* it has functions for its staff, and does not ask who is (API5:2023).

``python -m portcullis.demo.bookshop FD`` serves it on the listening socket with that file descriptor.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Row = dict[str, Any]

BOOKS: Final[Mapping[str, Row]] = {
    "9780141439518": {
        "isbn": "9780141439518",
        "title": "Pride and Prejudice",
        "authors": ["Jane Austen"],
        "genre": "novel",
        "published": "1813-01-28",
        "price": 9.5,
        "stock": 40,
        "purchase_price": 3.1,
        "supplier": "Longbourn Wholesale",
    },
    "9780099529125": {
        "isbn": "9780099529125",
        "title": "The Double Helix",
        "authors": ["James Watson"],
        "genre": "science",
        "published": "1968-02-26",
        "price": 14.0,
        "stock": 3,
        "purchase_price": 6.2,
        "supplier": "Cavendish Books",
    },
}
CUSTOMERS: Final[Mapping[str, Row]] = {
    "corner-shop": {
        "customer_id": "corner-shop",
        "name": "Ada King",
        "email": "ada@example.org",
        "address": {"street": "12 St James's Square", "city": "London", "country": "GB"},
        "credit_limit": 500,
        "internal_note": "pays late, argues well",
    },
    "night-reader": {
        "customer_id": "night-reader",
        "name": "Blaise Pascal",
        "email": "blaise@example.org",
        "address": {"street": "Rue des Gras", "city": "Clermont-Ferrand", "country": "FR"},
        "credit_limit": 90,
        "internal_note": "bets on everything",
    },
}
"""Who buys here. The ids are the names that the gateway knows the same customers by."""
SHOPS_ORDER: Final = "2c1d7a90-3b1e-4f6a-8c55-0d9e8f7a6b5c"
READERS_ORDER: Final = "7b0f2c1e-64f5-4a39-9d0e-5a1c3d2b9f10"
ORDERS: Final[Mapping[str, Row]] = {
    SHOPS_ORDER: {"customer_id": "corner-shop", "items": [{"isbn": "9780141439518", "quantity": 10}]},
    READERS_ORDER: {
        "customer_id": "night-reader",
        "items": [{"isbn": "9780099529125", "quantity": 1}],
        "note": "Please ring twice.",
    },
}
REVIEW: Final[Row] = {
    "stars": 5,
    "text": "I made it this long because I had no time to make it shorter.",
    "email": "blaise@example.org",
    "written": "2026-03-14T22:30:00+00:00",
}


class Shop:
    """All the rows, in memory; a new shop starts with the same few."""

    def __init__(self) -> None:
        self.books: dict[str, Row] = deepcopy(dict(BOOKS))
        self.customers: dict[str, Row] = deepcopy(dict(CUSTOMERS))
        self.reviews: dict[str, list[Row]] = {isbn: [dict(REVIEW)] for isbn in BOOKS}
        self.orders: dict[str, Row] = {}
        for order_id, order in ORDERS.items():
            self.place(deepcopy({"ordered": "2026-05-04", **order}), order_id)

    def place(self, body: Row, order_id: str) -> Row:
        """Keep an order; what the body says goes."""
        total = sum(self.books.get(item["isbn"], {}).get("price", 0) * item["quantity"] for item in body["items"])
        row = {
            "order_id": order_id,
            "status": "open",
            "total": total,
            "ordered": datetime.now(UTC).date().isoformat(),
            "fraud_score": 0.07,
        }
        self.orders[order_id] = row | body
        return self.orders[order_id]


def _shop(request: Request) -> Shop:
    shop: Shop = request.app.state.shop
    return shop


def _not_found() -> Response:
    return JSONResponse({"error": "there is no such thing"}, 404)


async def _status(_request: Request) -> Response:
    return JSONResponse({"open": True, "build": "bookshop-1.0.3", "database": "memory"})


async def _list_books(request: Request) -> Response:
    query = request.query_params
    found = list(_shop(request).books.values())
    if genres := query.get("genre"):
        found = [book for book in found if book.get("genre") in genres.split(",")]
    if author := query.get("author"):
        found = [book for book in found if any(author.lower() in name.lower() for name in book["authors"])]
    if "max_price" in query:
        found = [book for book in found if book["price"] <= float(query["max_price"])]
    return JSONResponse(found[: int(query.get("limit", 20))])


async def _add_book(request: Request) -> Response:
    book = await request.json()
    _shop(request).books[book["isbn"]] = book
    return JSONResponse(book, 201)


async def _get_book(request: Request) -> Response:
    book = _shop(request).books.get(request.path_params["isbn"])
    return _not_found() if book is None else JSONResponse(book)


async def _change_book(request: Request) -> Response:
    book = _shop(request).books.get(request.path_params["isbn"])
    if book is None:
        return _not_found()
    book.update(await request.json())
    return JSONResponse(book)


async def _list_reviews(request: Request) -> Response:
    reviews = _shop(request).reviews.get(request.path_params["isbn"], [])
    least = int(request.query_params.get("min_stars", 1))
    return JSONResponse([review for review in reversed(reviews) if review["stars"] >= least])


async def _add_review(request: Request) -> Response:
    review = {"written": datetime.now(UTC).isoformat(timespec="seconds")} | await request.json()
    _shop(request).reviews.setdefault(request.path_params["isbn"], []).append(review)
    return JSONResponse(review, 201)


async def _list_orders(request: Request) -> Response:
    states = request.query_params.getlist("status")
    return JSONResponse([order for order in _shop(request).orders.values() if not states or order["status"] in states])


async def _place_order(request: Request) -> Response:
    order_id = request.headers.get("idempotency-key") or str(uuid.uuid4())
    return JSONResponse(
        _shop(request).orders.get(order_id) or _shop(request).place(await request.json(), order_id), 201
    )


async def _get_order(request: Request) -> Response:
    order = _shop(request).orders.get(request.path_params["order_id"])
    return _not_found() if order is None else JSONResponse(order)


async def _cancel_order(request: Request) -> Response:
    order = _shop(request).orders.get(request.path_params["order_id"])
    if order is None:
        return _not_found()
    order["status"] = "cancelled"
    return Response(status_code=204)


async def _refund_order(request: Request) -> Response:
    order = _shop(request).orders.get(request.path_params["order_id"])
    if order is None:
        return _not_found()
    order["status"] = "refunded"
    return JSONResponse(order)


async def _get_customer(request: Request) -> Response:
    customer = _shop(request).customers.get(request.path_params["customer_id"])
    return _not_found() if customer is None else JSONResponse(customer)


async def _move_customer(request: Request) -> Response:
    customer = _shop(request).customers.get(request.path_params["customer_id"])
    if customer is None:
        return _not_found()
    customer["address"] = await request.json()
    return JSONResponse(customer)


ROUTES: Final = (
    Route("/status", _status),
    Route("/books", _list_books),
    Route("/books", _add_book, methods=["POST"]),
    Route("/books/{isbn}", _get_book),
    Route("/books/{isbn}", _change_book, methods=["PATCH"]),
    Route("/books/{isbn}/reviews", _list_reviews),
    Route("/books/{isbn}/reviews", _add_review, methods=["POST"]),
    Route("/orders", _list_orders),
    Route("/orders", _place_order, methods=["POST"]),
    Route("/orders/{order_id}", _get_order),
    Route("/orders/{order_id}", _cancel_order, methods=["DELETE"]),
    Route("/orders/{order_id}/refund", _refund_order, methods=["POST"]),
    Route("/customers/{customer_id}", _get_customer),
    Route("/customers/{customer_id}/address", _move_customer, methods=["PUT"]),
)


def create_app() -> Starlette:
    """A bookshop of its own, with its own rows."""
    app = Starlette(routes=ROUTES)
    app.state.shop = Shop()
    return app


def main(descriptor: int) -> None:
    """Serve a bookshop on an inherited listening socket until told to stop."""
    uvicorn.run(create_app(), fd=descriptor, log_level="critical", access_log=False, timeout_keep_alive=120)


if __name__ == "__main__":
    main(int(sys.argv[1]))
