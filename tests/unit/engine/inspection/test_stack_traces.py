"""Stack traces are told from what people write for users."""

from __future__ import annotations

import json
import traceback

from rows import rows

from portcullis.engine.inspection.stack_traces import EXPRESSIONS, stack_trace_in

TRACES = {
    "Python": [
        'Traceback (most recent call last):\n  File "/srv/app.py", line 3, in <module>\nKeyError: 1',
        'File "/srv/app/views.py", line 31, in get\n    return db[1]',
    ],
    "Java": [
        "at com.shop.orders.OrderService.find(OrderService.java:42)",
        "java.lang.NullPointerException",
        "org.hibernate.exception.SQLGrammarException: could not extract ResultSet",
    ],
    ".NET": [
        r"at Shop.Orders.Find(Int32 id) in C:\src\Orders.cs:line 12",
        "System.NullReferenceException: Object reference not set to an instance of an object.",
        "Server Error in '/shop' Application.",
    ],
    "PHP": [
        "PHP Fatal error: Uncaught Error: Call to undefined function x() in /var/www/html/index.php:3",
        "#0 /var/www/html/index.php(12): find()",
    ],
    "JavaScript": [
        "at Object.find [as get] (/srv/app/orders.js:10:15)",
        "at async handler (file:///srv/app/index.mjs:3:9)",
        "at /srv/app/node_modules/express/lib/router/layer.js:95:5",
    ],
    "Go": ["goroutine 1 [running]:", "panic: runtime error: index out of range [3] with length 3"],
    "Ruby": ["/srv/app/models/order.rb:12:in `find'"],
    "Rust": ["thread 'main' panicked at src/main.rs:2:5"],
    "SQL": [
        "ORA-00942: table or view does not exist",
        "SQLSTATE[42S02]: Base table or view not found",
        "You have an error in your SQL syntax; check the manual",
        "psycopg2.errors.UndefinedTable",
        "PG::UndefinedTable: ERROR",
        "sqlite3.OperationalError: no such table: orders",
    ],
    "debug page": ["<h1>Whitelabel Error Page</h1>", "<title>KeyError // Werkzeug Debugger</title>"],
}


@rows(("kind", "text"), [(kind, text) for kind, texts in TRACES.items() for text in texts])
def test_a_trace_is_found_as_text_and_within_json(kind: str, text: str) -> None:
    assert stack_trace_in(text.encode()) == kind
    assert stack_trace_in(json.dumps({"error": {"message": f"failed: {text}"}}).encode()) == kind


def test_every_kind_has_an_example() -> None:
    assert TRACES.keys() == EXPRESSIONS.keys()


@rows(
    "text",
    [
        "The order was not found.",
        '{"error": "invalid_request", "detail": "limit must be at most 100"}',
        "Please call us at +44 (20) 7946 0000 (9:00:00)",
        "File your complaint at line 3, in the hall",
        "Our shop in Java, Indonesia is closed. System maintenance: back at 10:30.",
        "The thread was locked. Do not panic: we are at work (see https://status.example/a:1).",
        "Fatal error: the printer is on fire",
        "Traceback of parcels",
    ],
)
def test_what_people_write_is_no_trace(text: str) -> None:
    assert stack_trace_in(text.encode()) is None


def test_a_real_trace_of_this_process_is_found() -> None:
    try:
        {}["x"]
    except KeyError:
        assert stack_trace_in(traceback.format_exc().encode()) == "Python"
