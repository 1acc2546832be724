"""JavaScript code for a server, and the pollution of prototypes (CWE-94, CWE-1321)."""

from __future__ import annotations

from typing import Final

from portcullis.engine.inspection.pattern import END, START, AttackClass, Pattern

CLASS: Final = AttackClass(
    key="node",
    title="Node.js code injection",
    summary="modules that run something, the process, serialised functions; names that lead to the prototype of every "
    "object",
    cwe=94,
)

PATTERNS: Final = (
    Pattern(
        "node-101",
        "a module or an object that runs something",
        expressions=(
            (
                r"\brequire\s?[(.\[]\s?['\"]?(?:child_process|fs|net|http|os|vm|cluster|process|module|node:\w+)['\"]?\s?[)\]]"
                r"|\bchild_process\b\s?[\"')\].]|\bprocess\s?(?:\.|\[\s?['\"])\s?(?:mainmodule|binding|kill|exit|dlopen|_load_url|env\b[.\[])"
                r"|\bglobal\.process\b|\bmodule\.constructor\._load|\bspawn(?:sync)?\s?\(\s?['\"]|\bexecsync\s?\("
                r"|\bfs\.(?:readfile|writefile|readdir|unlink|createreadstream)\w*\s?\(|\bvm\.runin\w+\s?\("
            ),
        ),
        matches=(
            "require('child_process').exec('id')",
            "process.mainModule.require",
            "global.process.exit()",
            "fs.readFileSync('x')",
        ),
        passes=("the process is over", "require (a) form", "process.environment is clean"),
    ),
    Pattern(
        "node-102",
        "a function that is made or run where it stands",
        expressions=(
            r"_\$\$nd_func\$\$_|__js_function\b|\bnew\s+function\s?\(\s?['\"]|\bfunction\s?\(\s?\)\s?\{[^}\x1f]*\}\s?\(\s?\)",
        ),
        matches=("_$$ND_FUNC$$_function(){}", "new Function('return 1')", "function(){ return 1 }()"),
        passes=("a new function of (x)", "function () { return 1; }"),
    ),
    Pattern(
        "node-103",
        "the prototype of every object",
        expressions=(
            rf"(?:{START}|[.\[\"'{{&?;]\s*)__proto__(?:\s*[\"'.\[\]=:]|{END})",
            r"\bconstructor\s?(?:\.|\[\s?['\"]?|['\"]?\s?\]\s?\[\s?['\"]?)\s?prototype\b|\b__(?:define|lookup)[gs]etter__\b",
        ),
        matches=(
            "__proto__",
            "__proto__[test]",
            "a[__proto__]",
            "constructor.prototype.x",
            "a[constructor][prototype]",
            '{"__proto__": 1}',
        ),
        passes=("the prototype", "constructor", "see __proto__ in the guide"),
    ),
)
