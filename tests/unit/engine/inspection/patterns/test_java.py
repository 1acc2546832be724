from __future__ import annotations

from collections.abc import Callable

from rows import rows

from portcullis.engine.inspection.patterns.java import CLASS, PATTERNS

Ids = Callable[..., set[str]]
MINE = {pattern.id for pattern in PATTERNS}


@rows(
    "text",
    [
        'Runtime.getRuntime().exec("id")',
        'new java.lang.ProcessBuilder({"id"}).start()',
        "T(java.lang.Runtime).getRuntime()",
        "class.module.classLoader.resources.context.parent",
        "rO0ABXNyABdqYXZhLnV0aWwuUHJpb3JpdHlRdWV1ZQ==",
        "org.springframework.context.support.ClassPathXmlApplicationContext",
    ],
)
def test_a_way_to_run_java_is_found(text: str, ids: Ids) -> None:
    assert ids(text) & MINE


@rows(
    "text",
    [
        "java.util.ArrayList",
        "we use the Java Runtime 17",
        "com.example.Order",
        "org.apache.org is a site",
        "a class loader is needed",
        "java.lang.IllegalStateException: no",
    ],
)
def test_what_people_write_about_java_passes(text: str, ids: Ids) -> None:
    assert not ids(text) & MINE


def test_the_class_is_known_by_its_number() -> None:
    assert CLASS.cwe == 94
