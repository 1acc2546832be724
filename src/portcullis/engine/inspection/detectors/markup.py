"""Does a text put script into a page?

Honest text has elements too: bold words, links, snippets of code in documentation. What tells an attack is script that
would run: an element that loads it, an attribute that holds it, or code right after what breaks out of a string.
"""

from __future__ import annotations

import re

_script_element = re.compile(
    r"(?i)<[\s\x00]{0,8}(?:\w{1,16}:)?script(?:[\s/>\x00:\\]|\b[^\w.@-]|$)|[\"'>;)\s]<\s{0,4}/\s{0,4}script\s{0,4}>|^\s{0,4}<\s{0,4}/\s{0,4}script"
).search
_event_in_element = re.compile(r"(?i)<[a-z!/?][^<>]{0,256}?[\s/\"'`+]on[a-z]{3,30}\s{0,8}=").search
_event_after_break = re.compile(
    r"(?i)(?:^[\s/]{0,8}|[\"'`>][\s/+]{0,8}(?:[\w-]{1,24}(?:\s{0,4}=\s{0,4}[\w\"'#.:/-]{0,40})?[\s/+]{1,8}){0,4})"
    r"on[a-z]{3,30}\s{0,8}=\s{0,8}[\"'`]?\s{0,8}[\w.$\[\]\\\"'`]{1,40}\s{0,4}(?:\(|=|`|;|//|$|[\"'>\s])"
    r"|[\s/]on[a-z]{3,30}\s{0,4}=\s{0,4}[\"'`]?[\w.$]{1,40}\s{0,2}[(`]"
).search
_script_url = re.compile(
    r"(?i)(?:=|\(|^|[\s\"'`;,/])[\s\x00-\x1f\"'`(]{0,8}(?:j\s*a\s*v\s*a|v\s*b|l\s*i\s*v\s*e)\s*s\s*c\s*r\s*i\s*p\s*t\s{0,8}:"
    r"[\s\x00-\x1f/%\"'`(\[!+~-]{0,24}(?:[\w$.]{1,64}[\s)\]]{0,4}[(=`.\[;]|//|\\|\d|&)"
    r"|[=(\"'`]\s{0,4}vbscript\s{0,4}:\s{0,4}\w"
).search
_prose_after_scheme = re.compile(r"(?i)javascript:\s+[a-z]+\s+[a-z]+\s").search
_active_element = re.compile(
    r"(?i)<[\s\x00]{0,4}(?:iframe|frameset|frame|object|embed|applet|isindex|bgsound|i?layer|portal|fencedframe)"
    r"[\s/\x00\"'+]{1,8}[\w:-]{1,24}[\s\x00]{0,4}="
    r"|<[\s\x00]{0,4}(?:meta[\s/][^<>]{0,160}(?:http-equiv|charset)|base[\s/][^<>]{0,80}href"
    r"|link[\s/][^<>]{0,160}(?:href|rel)\s{0,4}=|form[\s/][^<>]{0,160}action|button[\s/][^<>]{0,160}formaction"
    r"|import[\s/][^<>]{0,80}implementation|\?\s?import|\?xml-stylesheet|t:set|xss[\s/>]"
    r"|xml[\s/][^<>]{0,80}(?:src|id|ns)\s{0,4}=|html[\s/][^<>]{0,80}xmlns:|set[\s/][^<>]{0,80}attributename"
    r"|animate\w{0,12}[\s/][^<>]{0,120}(?:attributename|values|href)|use[\s/][^<>]{0,80}href"
    r"|image[\s/][^<>]{0,80}(?:xlink:href|\bhref)\s?=\s?[\"']?data|math[\s/>][^<>]{0,80}href|event-source"
    r"|comment[\s>]{1,4}<img|plaintext\s?>"
    r"|(?:input|button|img)[\s/][^<>]{0,120}\bstyle\s?=[^<>]{0,80}(?:expression|behaviou?r))"
).search
_code_after_break = re.compile(
    r"(?i)(?:^|['\"`;>}]|\*/|-->|\]\]>)[ \t;,)}+*/-]{0,12}"
    r"(?:(?:var|let|new|throw|return|with|if|top|self|window|this|parent|frames|document)[\s.\[(]{1,4}[\"'\w\[\]().,]{0,24})?"
    r"(?:alert|confirm|prompt|eval|setTimeout|setInterval|execScript|atob|Function|expression|document\.write(?:ln)?"
    r"|(?:String\.)?fromCharCode|\$\.get\w{0,10})[)\]]{0,4}(?:\.(?:call|apply|bind))?(?:\?\.)?[(`][^\s\x1f]"
).search


def is_script_element(text: str) -> bool:
    """``<script>``, or its end where something else was open."""
    return _script_element(text) is not None


def is_event_attribute(text: str) -> bool:
    """``<img onerror=...>``, or ``" onfocus=alert(1)`` that goes on in an element of the page."""
    return _event_in_element(text) is not None or _event_after_break(text) is not None


def is_script_url(text: str) -> bool:
    """``javascript:`` with code after it."""
    return _script_url(text) is not None and _prose_after_scheme(text) is None


def is_active_element(text: str) -> bool:
    """An element with attributes: names of elements in angle brackets are talk about them."""
    return _active_element(text) is not None


def is_script_after_break(text: str) -> bool:
    """A call right after what ends a string, an attribute or an element."""
    return _code_after_break(text) is not None


def is_in_element(text: str) -> bool:
    """An attribute in an element, or after a quote that breaks out of one."""
    return "<" in text or text.lstrip()[:1] in "\"'" or '"' in text
