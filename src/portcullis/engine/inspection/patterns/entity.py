"""XML that reads files or other documents (XXE, CWE-611)."""

from __future__ import annotations

from typing import Final

from portcullis.engine.inspection.pattern import AttackClass, Pattern, matching

CLASS: Final = AttackClass(
    key="xxe",
    title="XML external entities",
    summary="declarations of entities and of document types with them, inclusions, elements hidden in CDATA",
    cwe=611,
)

PATTERNS: Final = (
    Pattern(
        "xxe-101",
        "a declaration of an entity, an element or its attributes",
        expressions=(r"<!\s*entity\s+[%\w]|<!\s*(?:attlist|element|notation)\s+[\w:.%]+\s",),
        matches=(
            '<!ENTITY xxe SYSTEM "file:///c:/boot.ini">',
            "<!ENTITY % int 'x'>",
            "<!DOCTYPE foo [<!ELEMENT foo ANY >",
        ),
        passes=("an <!entity", "entity x", "<!-- entity x -->"),
    ),
    Pattern(
        "xxe-102",
        "a document type that is declared inside, or read from elsewhere",
        expressions=(r"<!\s*doctype\s+[\w:.-]+\s*(?:\[|system\s|public\s)",),
        confirm=matching(
            r"<!\s{0,4}doctype\s{1,16}[\w:.-]{1,64}\s{0,8}(?:\[|system\s{1,8}['\"]|public\s{1,8}['\"](?!-//w3c//dtd)[^'\"]{0,64}['\"])"
        ),
        matches=("<!DOCTYPE x [", '<!DOCTYPE foo SYSTEM "http://x/y.dtd">', '<!DOCTYPE a PUBLIC "x" "http://y">'),
        passes=("<!DOCTYPE html>", "a doctype x [y]", '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x">'),
    ),
    Pattern(
        "xxe-103",
        "an inclusion, a stylesheet that runs, or script hidden in CDATA",
        expressions=(
            (
                r"<xi:include\b|xmlns:xi\s?=|<\?xml-stylesheet\b|<xsl:(?:value-of|include|import|script|variable|copy-of|for-each)\b"
                r"|xmlns:(?:msxsl|php|xalan|java)\s?="
            ),
            r"<!\[cdata\[\s*(?:<\]\]>|<|'|\"|\]\]>)[\s<]*(?:/?\s*script|or\s|!|img\b)|<!\[cdata\[<\]\]>",
        ),
        matches=(
            '<xi:include href="file:///etc/x"/>',
            "<![CDATA[<]]>script<![CDATA[>]]>",
            '<xsl:value-of select="x"/>',
        ),
        passes=("<![CDATA[text]]>", "<include>x</include>"),
    ),
)
