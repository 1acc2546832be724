from __future__ import annotations

from collections.abc import Callable

from rows import rows

from portcullis.engine.inspection.patterns.sql import CLASS, PATTERNS

Ids = Callable[..., set[str]]
MINE = {pattern.id for pattern in PATTERNS}


@rows(
    "text",
    [
        "' or '1'='1",
        "1' or 1=1-- -",
        "admin'/*",
        "1;drop table users--",
        "x' union select null,null--",
        "1 and sleep(5)",
        "1' and (select 1 from dual)=1 and 'a'='a",
        "'||(select version())||'",
        "1 order by 5--",
        "' having 1=1--",
        "1) or (1=1",
        '" or ""="',
        "1%27%20or%201%3D1",
        "1/**/union/**/select/**/1",
        "'; exec xp_cmdshell('dir')--",
        "1 or 'a' like 'a",
        "x'; waitfor delay '0:0:5'--",
        "1' procedure analyse(extractvalue(1,concat(0x5c,version())),1)-- -",
        "-1' union all select group_concat(table_name) from information_schema.tables#",
        "select user from mysql.user",
        "1' and ascii(substr(database(),1,1))>64#",
    ],
)
def test_sql_in_a_value_is_found(text: str, ids: Ids) -> None:
    assert ids(text) & MINE


@rows(
    "text",
    [
        "O'Brien",
        "it's a dog's life",
        "rock 'n' roll",
        "Select one or more; order by date",
        "drop me a line; update me",
        "the union selects a chair",
        "where do you live? and since when?",
        "name eq 'x' and price lt 5",
        "price>5 and price<10",
        "status='open' and owner='me'",
        "1=1 is true",
        "- one\n- two -- three",
        "#1 in the charts",
        "5' 10\" tall",
        "'quoted' and \"quoted\"",
        "in case when it rains",
        "create a table for two",
        "delete from: your phone",
        "insert into the slot",
        "group by age and order by name",
        "a like b, c or d",
        "50% or more",
        "(select all that apply)",
        "exec summary; call me",
        "having fun = true",
    ],
)
def test_prose_and_filters_passes(text: str, ids: Ids) -> None:
    assert not ids(text) & MINE


def test_the_class_is_known_by_its_number() -> None:
    assert CLASS.cwe == 89
