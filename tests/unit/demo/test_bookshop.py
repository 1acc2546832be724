"""The sample API works, and has the weaknesses that the demo is about."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from portcullis.demo.bookshop import READERS_ORDER, SHOPS_ORDER, create_app

BOOK = "9780141439518"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        yield client


async def test_books_are_found_by_genre_author_and_price(client: httpx.AsyncClient) -> None:
    for query in ("genre=science", "author=watson", "max_price=14&genre=science,poetry", "limit=1"):
        assert len((await client.get(f"/books?{query}")).json()) == 1


async def test_a_book_is_added_changed_and_read(client: httpx.AsyncClient) -> None:
    book = {"isbn": "9790000000001", "title": "New", "authors": ["Nobody Yet"], "price": 5}
    assert (await client.post("/books", json=book)).status_code == 201
    assert (await client.patch("/books/9790000000001", json={"price": 6})).json()["price"] == 6
    assert (await client.get("/books/9790000000001")).json()["price"] == 6


async def test_reviews_are_kept_newest_first(client: httpx.AsyncClient) -> None:
    for stars in (2, 5):
        await client.post(f"/books/{BOOK}/reviews", json={"stars": stars, "text": "so"})
    assert [review["stars"] for review in (await client.get(f"/books/{BOOK}/reviews")).json()] == [5, 2, 5]
    assert len((await client.get(f"/books/{BOOK}/reviews?min_stars=3")).json()) == 2


async def test_an_order_is_placed_once_per_idempotency_key_and_can_be_cancelled(client: httpx.AsyncClient) -> None:
    order = {"customer_id": "corner-shop", "items": [{"isbn": BOOK, "quantity": 2}]}
    key = {"Idempotency-Key": "11111111-2222-3333-4444-555555555555"}
    first, second = [(await client.post("/orders", json=order, headers=key)).json() for _ in range(2)]
    assert first == second
    assert first["total"] == 19
    assert (await client.delete(f"/orders/{first['order_id']}")).status_code == 204
    assert [row["order_id"] for row in (await client.get("/orders?status=cancelled")).json()] == [first["order_id"]]


async def test_a_customer_moves(client: httpx.AsyncClient) -> None:
    address = {"street": "1 New Road", "city": "Bath", "country": "GB"}
    assert (await client.put("/customers/corner-shop/address", json=address)).json()["address"] == address


@pytest.mark.parametrize("path", ["/books/1", "/orders/1", "/customers/nobody"])
async def test_what_is_not_there_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


async def test_two_apps_share_no_rows(client: httpx.AsyncClient) -> None:
    await client.delete(f"/orders/{READERS_ORDER}")
    transport = httpx.ASGITransport(create_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as other:
        assert (await other.get(f"/orders/{READERS_ORDER}")).json()["status"] == "open"


async def test_it_returns_fields_that_are_nobodys_business(client: httpx.AsyncClient) -> None:
    assert "internal_note" in (await client.get("/customers/corner-shop")).json()
    assert "purchase_price" in (await client.get(f"/books/{BOOK}")).json()


async def test_it_binds_any_field_so_a_caller_sets_his_own_price(client: httpx.AsyncClient) -> None:
    order = {"customer_id": "corner-shop", "items": [{"isbn": BOOK, "quantity": 2}], "total": 0.01, "status": "paid"}
    placed = (await client.post("/orders", json=order)).json()
    assert (placed["total"], placed["status"]) == (0.01, "paid")


async def test_it_trusts_the_ids_it_is_given(client: httpx.AsyncClient) -> None:
    order = (await client.get(f"/orders/{READERS_ORDER}")).json()
    assert order["customer_id"] == "night-reader"


async def test_it_lists_everybodys_orders(client: httpx.AsyncClient) -> None:
    assert {order["customer_id"] for order in (await client.get("/orders")).json()} == {"corner-shop", "night-reader"}


async def test_it_gives_money_back_to_whoever_asks(client: httpx.AsyncClient) -> None:
    assert (await client.post(f"/orders/{SHOPS_ORDER}/refund")).json()["status"] == "refunded"
    assert (await client.post("/orders/none/refund")).status_code == 404


async def test_it_tells_the_addresses_of_those_who_wrote_reviews(client: httpx.AsyncClient) -> None:
    assert [review["email"] for review in (await client.get(f"/books/{BOOK}/reviews")).json()] == ["blaise@example.org"]
