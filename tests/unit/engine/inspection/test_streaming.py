from __future__ import annotations

from rows import rows

from portcullis.engine.inspection.inspector import the_inspector
from portcullis.engine.inspection.parts import Path, pointer_of
from portcullis.engine.inspection.streaming import AT_ONCE, OVERLAP, Found, MultipartScanner, Scanner, TextScanner

NOTHING: frozenset[str] = frozenset()


def scan(scanner: Scanner, data: bytes, piece: int) -> str | None:
    """``pointer id`` of what is found in ``data``, which comes in pieces."""
    found: Found | None = None
    for at in range(0, len(data), piece):
        found = found or scanner.feed(data[at : at + piece])
    found = found or scanner.end()
    return None if found is None else f"{pointer_of(found.path)} {found.hit.pattern.id}"


def text(allowed: frozenset[str] = NOTHING, *, must_be_text: bool = True) -> TextScanner:
    return TextScanner(the_inspector(), ("body",), allowed, must_be_text=must_be_text)


@rows("piece", [1, 2, 3, 7, 64, 1000, 100_000])
def test_a_match_that_is_split_over_pieces_is_found(piece: int) -> None:
    data = b"hello, " * 1500 + b"<script>alert(1)</script>" + b" bye" * 500
    if piece < 7:
        data = data[-4000:]
    assert scan(text(), data, piece) == "/body xss-101"


@rows("piece", [1, 5, 100_000])
def test_an_encoded_match_that_is_split_is_found(piece: int) -> None:
    assert scan(text(), b"a " * 300 + b"%253Cscript%253E 1", piece) == "/body xss-101"


@rows("piece", [3, 500, 4096])
def test_blanks_do_not_push_the_parts_of_a_match_into_different_windows(piece: int) -> None:
    data = b"1 union" + b" \n" * (OVERLAP if piece > 100 else 500) + b"select 1,2,3"
    assert scan(text(), data, piece) == "/body sqli-105"


def test_honest_text_passes_however_it_is_cut() -> None:
    data = "Tom & Jerry's \u201cbest of\u201d, 5 > 3; see ../images/x.png -- or call 555-0100. ".encode() * 40
    for piece in (1, 13, 1000, 100_000):
        assert scan(text(), data, piece) is None


def test_a_text_begins_where_it_begins_and_not_where_it_is_cut() -> None:
    statement = b"select * from users"
    assert scan(text(), statement, 5) == "/body sqli-108"
    assert scan(text(), b"x" * 3 * OVERLAP + b" " + statement, OVERLAP) is None


def test_a_text_ends_where_it_ends_and_not_where_it_is_cut() -> None:
    assert scan(text(), b"the '90s' and x'-- or rather the others", 16) is None
    assert scan(text(), b"name x'--", 4) == "/body sqli-103"


def test_what_is_allowed_passes() -> None:
    assert scan(text(frozenset({"xss-101"})), b"<script src=x>", 4) is None


@rows("piece", [1, 100, 10_000])
def test_what_is_no_text_passes_and_text_with_another_label_does_not(piece: int) -> None:
    image = b"\x89PNG\r\n\x1a\n\x00\x00" + b"<script>alert(1)</script>" * 100
    assert scan(text(must_be_text=False), image, piece) is None
    assert scan(text(must_be_text=False), b"<script>alert(1)</script>", piece) == "/body xss-101"
    assert scan(text(must_be_text=False), b"x" * 2000 + b"<script>alert(1)</script>", piece) == "/body xss-101"


def test_what_is_kept_of_a_stream_is_bounded() -> None:
    scanner = text()
    for _ in range(50):
        scanner.feed(b"some text " * 5000)
    assert len(scanner._tail) <= OVERLAP
    for _ in range(3 * AT_ONCE):
        scanner.feed(b"x")
        assert len(scanner._tail) < OVERLAP + AT_ONCE


def part(head: str, content: str, kind: str = "") -> str:
    fields = [f"Content-Disposition: form-data; {head}", *([f"Content-Type: {kind}"] if kind else ())]
    return "\r\n".join(("--X", *fields, "", content, ""))


def form(*parts: str) -> bytes:
    return "".join((*parts, "--X--\r\n")).encode("latin-1")


def multipart(wants: bool = True, allowed: dict[str, str] | None = None) -> MultipartScanner:
    def at(path: Path) -> frozenset[str]:
        return frozenset((allowed or {}).get(pointer_of(path), "").split())

    return MultipartScanner(the_inspector(), b"X", lambda _name: wants, at)


EVIL = "<script>alert(1)</script>"


@rows("piece", [1, 9, 10_000])
@rows(
    ("body", "found"),
    [
        (form(part('name="a"', "fine"), part('name="note"', EVIL)), "/body/note xss-101"),
        (form(part('name="<script>"', "x")), "/body/<script> xss-101"),
        (form(part('name="f"; filename="../../x.php"', "GIF89a", "image/gif")), "/body/f path-101"),
        (form(part('name="f"; filename="a.png"', "\x89PNG\0" + EVIL, "image/png")), None),
        (form(part('name="f"; filename="a.png"', EVIL, "image/png")), None),
        (form(part('name="f"; filename="a.txt"', EVIL, "text/plain")), "/body/f xss-101"),
        (form(part('name="j"', f'{{"a": "{EVIL}"}}', "application/json")), "/body/j xss-101"),
        (form(part('name="a"', "fine"), part('name="b"', "1 or 2, and so on")), None),
        (b"no boundary at all, but " + EVIL.encode(), "/body xss-101"),
        (form(part('name="a"', "fine"))[:-9] + b"\r\n--X nonsense " + EVIL.encode(), "/body xss-101"),
    ],
)
def test_a_form_in_parts_is_looked_at_part_by_part(body: bytes, found: str | None, piece: int) -> None:
    assert scan(multipart(), body, piece) == found


def test_parts_that_can_hold_no_attack_are_not_looked_at_but_their_names_are() -> None:
    assert scan(multipart(wants=False), form(part('name="n"', EVIL)), 10) is None
    assert scan(multipart(wants=False), form(part('name="<script>"', "5")), 10) == "/body/<script> xss-101"


def test_what_is_allowed_in_one_part_is_not_in_another() -> None:
    body = form(part('name="html"', EVIL), part('name="note"', EVIL))
    assert scan(multipart(allowed={"/body/html": "xss-101 xss-107"}), body, 50) == "/body/note xss-101"
