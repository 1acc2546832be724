"""SQL that is put into a statement through a value (CWE-89)."""

from __future__ import annotations

from typing import Final

from portcullis.engine.inspection.detectors import sql
from portcullis.engine.inspection.pattern import START, AttackClass, Pattern, matching

CLASS: Final = AttackClass(
    key="sqli",
    title="SQL injection",
    summary="conditions, comments and clauses after a quote that breaks out; unions, subselects, whole statements; "
    "functions that wait, read files or tell about the database",
    cwe=89,
)

_CONDITION: Final = (
    r"(?:\b(?:x?or|and|where|having|when|if)\b|\d(?:or|and)\b)[^\x1f]*?"
    r"(?:=|<|>|--|#|/\*|\w\s?\(|''|\"\"|like\s*['\"(\d%]|between\s*['\"\d]|\bin\s*\(|regexp)"
)
_JOINED: Final = r"(?:\|\||&&)[\s(!~+-]*[\d'\"]"
_COMMENTED: Final = (r"['\"][\s);]*--", r"['\"][\s);]*#", r"['\"][\s);]*/\*")
_CONTINUED: Final = r"['\"][\s)]*(?:\|\||&&|r?like\b|regexp|order\s|group\s|having\s|limit\s|in\s*\(|between\s)"

PATTERNS: Final = (
    Pattern(
        "sqli-101",
        "a condition that compares literals, such as or 1=1",
        expressions=(_CONDITION, _JOINED),
        confirm=sql.is_condition_of_literals,
        matches=(
            "1 or 1=1",
            "1) AND 7533=7533-- x",
            "-6081 where 3681=3681",
            "x' having 1=1--",
            "1 or 'a' like 'a'",
            "1'or'1'='1",
            "1 || 1=1",
            "1/**/or/**/1=1",
            "1 or x=x--",
        ),
        passes=(
            "1=1 is a tautology",
            "5 > 3 or 2 < 1?",
            "name='x' and age>5",
            "this and 2 or 3 others = all in the list",
            "if (x === 'a' && 'b' === y) return;",
        ),
    ),
    Pattern(
        "sqli-102",
        "a condition after a quote that ends a string",
        expressions=(_CONDITION, _CONTINUED),
        confirm=sql.is_condition_after_break,
        matches=(
            "x' or name='admin",
            'x" or "a"="a',
            "x') and (role > 'a",
            "x' || 'a' = 'a",
            "foo' and username like 'a%'",
            "' or true--",
            "' or ''-'",
        ),
        passes=(
            "'this' and 'that' = both",
            "name eq 'x' and age = 5",
            "it's this or that, isn't it: a = b?",
            "rock 'n' roll and jazz = fun",
            "name='x' && city='y'",
            '"And he is a man = yes?"',
        ),
    ),
    Pattern(
        "sqli-103",
        "a comment after a quote or parenthesis that ends a value",
        expressions=(*_COMMENTED, r"\d\s?\)+;?(?:--|#|/\*)"),
        confirm=sql.is_comment_after_break,
        matches=("admin'--", "admin' #", "x'))/*", 'x";--', "1))--"),
        passes=("the '90s -- then came", "colour '#fff' or '#000'", "'--' is a dash", "(1) -- see", "dogs' #1 choice"),
    ),
    Pattern(
        "sqli-104",
        "a clause, subquery or function after a quote that ends a string",
        expressions=(_CONTINUED, _CONDITION, r"\(\s*select\b"),
        confirm=sql.is_clause_after_break,
        matches=(
            "x' order by 3--",
            "x' having 'a'='a",
            "x') limit 1#",
            "x'||(select 1)",
            "x' like 'x",
            "x' and sleep(5)",
            "1'||'asd'||'",
        ),
        passes=(
            "the boys' order by post",
            "'a' in the list",
            "dogs' and cats (both)",
            "'tis like 'that'",
            "'x' in (5)",
        ),
    ),
    Pattern(
        "sqli-105",
        "a union with another query",
        expressions=(r"\b(?:union|intersect|except|minus)[\s(]+(?:all|distinct|distinctrow)?[\s(]*select",),
        confirm=sql.is_union,
        matches=(
            "1 union select 1,2,3",
            "x' UNION ALL SELECT NULL,NULL#",
            "1 union/**/select password from users",
            "1 /*!50000union*/ /*!50000select*/ 1,2",
            "-1 union(select 1)",
        ),
        passes=("Union Select Committee", "the union selects its speaker", "members of the union select their speaker"),
    ),
    Pattern(
        "sqli-106",
        "a query inside of an expression",
        expressions=(r"\(\s*select\b",),
        confirm=sql.is_subselect,
        matches=(
            "1 and (select count(*) from users)>0",
            "(select * from (select(sleep(5)))x)",
            "1-(SELECT 1)",
            "'||(select 'a' from dual)||'",
        ),
        passes=("choose one (select from the options below)", "the field (select one) is required", "(Select all)"),
    ),
    Pattern(
        "sqli-107",
        "order by a column's number, to find out how many there are",
        expressions=(r"\border\s+by\s+\d",),
        confirm=sql.is_order,
        matches=("1 order by 10--", "x' ORDER BY 1,2,3#", "ORDER BY 1-- ", "1) order by 7"),
        passes=("please order by 10 June", "order by 5 pm", "sort order by 1st name"),
    ),
    Pattern(
        "sqli-108",
        "a query as the whole text",
        expressions=(START + r"[\s(]*select\s",),
        confirm=sql.is_statement,
        matches=(
            "select * from users",
            "SELECT name, pass FROM users where id=1",
            "select version();",
            "select @@version",
        ),
        passes=("select one or more", "Select a country from the list", "Select option(s)", "select all from the menu"),
    ),
    Pattern(
        "sqli-109",
        "a second statement",
        expressions=(
            r"\b(?:drop|alter|truncate)\s+(?:table|database|user|column|procedure|view|index|schema|login)\s",
            r"\bcreate\s+(?:or\s+replace\s+)?(?:table|database|user|function|procedure|view|trigger|login|alias)\s",
            r"\binsert\s+into\s|\bdelete\s+from\s|\bupdate\s+\S+\s+set\s|\bdeclare\s+@?\w+\s|\bgrant\s+\w+[^\x1f]*?\sto\s",
            r"\bexec(?:ute)?[\s(]+(?:@|\(|'|immediate|[xs]p_|master|\w*\()",
            r"[;)]\s*(?:shutdown|begin|select|call|copy|iif|if)\b",
        ),
        confirm=matching(
            r"(?:['\");]|\d\s?;|\A)\s{0,16};?\s{0,16}(?:"
            r"(?:drop|alter|truncate)\s{1,16}(?:table|database|user|column|procedure|view|index|schema|login)\s"
            r"|create\s{1,16}(?:or\s{1,16}replace\s{1,16})?"
            r"(?:table|database|user|function|procedure|view|trigger|login|alias)\s{1,16}\S{1,64}\s?"
            r"(?:\(|as\b|from\b|identified|with\b|returns)"
            r"|insert\s{1,16}into\s{1,16}[\w.`\"\[\]]{1,64}\s{0,8}(?:\(|values|select)"
            r"|delete\s{1,16}from\s{1,16}[\w.`\"\[\]]{1,64}\s{0,8}(?:;|--|where\b[^=]{1,40}=)"
            r"|update\s{1,16}[\w.`\"\[\]]{1,64}\s{1,16}set\s{1,16}[\w.`\"\[\]]{1,64}\s{0,8}="
            r"|(?:exec|execute)[\s(]{1,16}(?:\(|@|immediate|(?:master|msdb)?[.\w]{0,16}\b[xs]p_|\w{0,16}\(?'|sp_|xp_)"
            r"|declare\s{1,16}@?\w{1,32}\s{1,16}(?:n?(?:var)?char|int|integer|varbinary|table|cursor|sysname)\b"
            r"|grant\s{1,16}[\w,\s]{1,60}\s(?:on|to)\s{1,16}\S{1,40}\s{1,8}(?:to|identified|with)\b"
            r"|shutdown\s{0,8}(?:;|--|with\s{1,8}nowait|\Z)"
            r"|begin\s{1,16}(?:declare|dbms_|user_lock|execute)"
            r"|(?:select|call)\s{1,16}(?:\w{1,24}\.)?"
            r"(?:pg_sleep|sleep|benchmark|version|user|database|load_file|dbms_\w{1,20}\.\w{1,20})\s{0,4}\("
            r"|select\s{1,16}(?:\(\s{0,8})?(?:case\b|count\s?\(|\*|if\s?\(|@@|null\b|\d{1,8}\s{0,8}(?:,|--|from|[#;/])"
            r"|[\w.,\s]{1,60}\sfrom\s{1,8}"
            r"(?:pg_|information_schema|sys|mysql|dual|generate_series|rdb\$|master|domain|sqlite_))"
            r"|copy\s{1,16}\S{1,40}\s{1,8}(?:from|to)\s{1,8}(?:program\s{1,8})?'"
            r"|iif\s?\(\s?\d|if\s?\(\s?\d{1,8}\s?=\s?\d)"
        ),
        matches=(
            "1; drop table users",
            "x'; DELETE FROM users--",
            "1;exec xp_cmdshell('dir')",
            "x'; update users set admin=1 where id=2--",
            "1;select pg_sleep(5)--",
            "x'; insert into users values (1)",
            '1%");select (case when (1=2) then 1 else 1/(select 0) end)--',
            "1;iif(7036=2370,1,1/0)",
        ),
        passes=(
            "Done; update the profile and set the name",
            "Close it; drop me a line",
            "'x'; select one from the list",
            "Insert into the slot; delete from the list",
            "Create table reservations here",
        ),
    ),
    Pattern(
        "sqli-110",
        "a function or statement that makes the database wait",
        expressions=(
            (
                r"pg_sleep|dbms_(?:lock|pipe|session)\.|user_lock\.|benchmark\s*\(|waitfor\s+(?:delay|time)|(?:random|zero)blob"
                r"|generate_series|\bsleep\s*\("
            ),
        ),
        confirm=matching(
            r"\b(?:pg_sleep(?:_for|_until)?\s?\(|dbms_(?:lock\.sleep|pipe\.receive_message|session\.sleep)\s?\("
            r"|user_lock\.sleep|benchmark\s{0,4}\(\s?\d{3,12}\s?,|waitfor\s{1,16}delay\s{0,16}[('\"]|waitfor\s{1,16}time\s{0,16}'"
            r"|(?:randomblob|zeroblob)\s?\(\s?\d{5,12}|generate_series\s?\(\s?1\s?,\s?\d{4,12})"
            r"|(?:[=('\",;|&/*+-]|\b(?:or|and|select|rlike|like|xor|when|then|if|in|not|by)[\s(]|\A)\s{0,8}!?"
            r"sleep\s{0,4}\(\s?['\"]?\d{1,9}['\"]?\s?\)(?:\s{0,8}(?:[#;,)'\"=<>|&*+-]|--|/|and\b|or\b|from\b|limit\b)|\s{0,4}\Z)"
        ),
        matches=(
            "1 or sleep(5)#",
            "';waitfor delay '0:0:5'--",
            "1 and pg_sleep(10)",
            "benchmark(5000000,md5(1))",
            "sleep(20)",
        ),
        passes=("sleep(8) hours", "time.sleep(5) and go on", "I sleep (8) hours", "a benchmark (2024) of databases"),
    ),
    Pattern(
        "sqli-111",
        "a function or object that tells about the database, its files or its host",
        expressions=(
            (
                r"\b(?:load_file|extractvalue|updatexml|openrowset|opendatasource|openquery|regexp_substring|crypt_key|xmltype"
                r"|pg_read_file|lo_import|gtid_subset|json_keys|make_set|elt|name_const)\s?\("
            ),
            r"\bxp_(?:cmdshell|dirtree|regread|fileexist|servicecontrol)",
            r"\bsp_(?:executesql|oacreate|makewebtask|password|addextendedproc|configure)\b",
            r"\butl_(?:http|inaddr|file|smtp|tcp)\.|\bctxsys\.|\bdbms_(?:xmlgen|java|scheduler|export_extension|xmlquery|ldap|sql)",
            r"\binformation_schema\s?\.|\bexp\s?\(\s?~|\bpolygon\s?\(\s?\(|\brdb\$\w",
            (
                r"\b(?:mysql|master|msdb|sys|syscat|sysibm|pg_catalog|all|user|dba)[._](?:user|table|tab_col|column|db|dbms"
                r"|database|object|login|sys|schemata|server_principals|all_users)"
            ),
            (
                r"\b(?:from|into|join|update)\s+(?:sys(?:objects|columns|users)|sqlite_|pg_(?:shadow|user|database)|v\$"
                r"|all_|user_tables|msys|rdb\$|domain\.|dual\b)"
            ),
            r"\binto\s+(?:out|dump)file|\bload\s+data\s|\bprocedure\s+analyse",
            r"@@(?:version|servername|hostname|datadir|basedir|global|session|innodb|language|spid|microsoftversion)",
        ),
        confirm=matching(
            r"\b(?:load_file\s?\(|extractvalue\s?\(\s?[\w'\"(]|updatexml\s?\(|openrowset\s?\(|opendatasource\s?\("
            r"|openquery\s?\(|regexp_substring\s?\(|crypt_key\s?\(|xmltype\s?\(|pg_read_file\s?\(|lo_import\s?\("
            r"|gtid_subset\s?\(|json_keys\s?\(\s?\(|make_set\s?\(\s?[\d'(]|elt\s?\(\s?\d{1,8}\s?=|name_const\s?\("
            r"|xp_(?:cmdshell|dirtree|regread|fileexist|servicecontrol)"
            r"|sp_(?:executesql|oacreate|makewebtask|password|addextendedproc|configure)\b"
            r"|utl_(?:http|inaddr|file|smtp|tcp)\.|ctxsys\.|dbms_(?:xmlgen|java|scheduler|export_extension|xmlquery|ldap|sql)\b"
            r"|information_schema\s?\.|exp\s?\(\s?~|polygon\s?\(\s?\(\s?select|rdb\$\w{2,32}"
            r"|(?:mysql|master|msdb|sys|syscat|sysibm|pg_catalog|all_|user_|dba_)[._](?:user|users|tables|tab_columns"
            r"|columns|dbms?|databases|objects|logins|syslogins|sysdatabases|sysprocesses|sysusers|sysdummy1|systables"
            r"|schemata|server_principals|sysobjects|syscolumns|all_users)\b(?:[\s,;)'#-]|\Z)"
            r"|(?:from|into|join|update)\s{1,8}(?:sysobjects|syscolumns|sysusers|sqlite_master|sqlite_schema|pg_shadow"
            r"|pg_user|pg_database|v\$version|v\$session|all_users|all_tables|user_tables|msysaccessobjects|msysobjects"
            r"|rdb\$\w{1,32}|domain\.\w{1,20}|dual\b\s{0,4}(?:--|#|\)|where|union|limit|order))"
            r"|into\s{1,8}(?:out|dump)file\s{0,8}['\"(x]|load\s{1,8}data\s{1,8}(?:local\s{1,8})?infile"
            r"|procedure\s{1,8}analyse\s?\()"
            r"|@@(?:version|servername|hostname|datadir|basedir|global|session|innodb_\w{1,20}|language|spid"
            r"|microsoftversion)\b"
        ),
        matches=(
            "1 union select load_file('/etc/passwd')",
            "extractvalue(1,concat(0x5c,version()))",
            "'; exec master..xp_cmdshell 'dir'--",
            "select table_name from information_schema.tables",
            "1 and 1=@@version",
            "1) and make_set(8403=8403,8899)",
            "x from pg_shadow",
        ),
        passes=("the information schema of the file", "load_file is a function", "all users and tables of the system"),
    ),
    Pattern(
        "sqli-112",
        "strings built from numbers, as attacks do that can't write quotes",
        expressions=(
            (
                r"\bn?cha?r\s?\(\s?\d+\s?[,)]|\bconcat(?:_ws)?\s?\(\s?(?:0x|cha?r|\(|'\\|user|version|database)|\bgroup_concat\s?\("
                r"|\bunhex\s?\("
            ),
        ),
        confirm=matching(
            r"\bn?cha?r\s?\(\s?\d{1,5}(?:\s?,\s?\d{1,5}){0,64}\s?\)\s{0,4}(?:\+|\|\||,|&)\s{0,4}cha?r\s?\(\s?\d"
            r"|\bconcat(?:_ws)?\s?\(\s?(?:0x[0-9a-f]{2,64}|cha?r\s?\(|\(\s?select|'\\',|user\(|version\(|database\()"
            r"|\bgroup_concat\s?\(|\bunhex\s?\(\s?(?:hex|['\"]?\d)|\bchar\s?\(\s?\d{2,3}(?:\s?,\s?\d{2,3}){1,64}\s?\)"
        ),
        matches=("char(119)||char(100)", "concat(0x7171706a71,(select 1))", "chr(113)||chr(113)", "1, group_concat(a)"),
        passes=("char(2) or char(3) columns", "concat (a, b) joins texts", "varchar(255)", "a name is char(30)"),
    ),
    Pattern(
        "sqli-113",
        "a conditional expression over literals",
        expressions=(
            r"\bcase\s+when[\s(]+[\d']",
            r"\biif?\s?\(\s?[\d']|\b(?:if|iif|decode|nvl|ifnull|nullif)\s?\([\s(]*(?:select|ascii|substr|ord|length|mid)\b",
        ),
        confirm=matching(
            r"\bcase\s{1,16}when[\s(]{1,16}(?:\d{1,9}|'\w{0,9}')\s?(?:=|<|>|like)\s{0,4}[\d'(]"
            r"|\biif?\s?\(\s?(?:\d{1,9}|'\w{0,9}')\s?(?:=|<|>|<>|!=)\s?[\d'(]"
            r"|\b(?:if|iif|decode|nvl|ifnull|nullif)\s?\(\s?\(?\s?(?:select|ascii|substr|ord|length|mid)\b"
        ),
        matches=("(case when (5023=5023) then 1 else 0 end)", "1;iif(7036=2370,1,1/0)", "if((select 1),1,2)"),
        passes=("in the case when 5 people come", "if (a = 1) then", "just in case when needed"),
    ),
    Pattern(
        "sqli-114",
        "guessing data character by character",
        expressions=(
            r"\b(?:ascii|ord|hex|unicode|bin)\s?\(\s?(?:lower\s?\(\s?)?(?:substr|substring|mid|left|right)\s?\(",
            r"\b(?:substr|substring|mid)\s?\([\s(]*(?:select|version|user|database|@@|current_user)",
            r"\blength\s?\([\s(]*(?:select|database|user|version)",
        ),
        matches=("1 and ascii(substring((select database()),1,1))>64", "mid(version(),1,1)=5", "length(database())=4"),
        passes=("substring(1, 3) of the text", "length (in metres) = 5", "ascii (7 bit)"),
    ),
    Pattern(
        "sqli-115",
        "operators and functions for JSON in a database",
        expressions=(r"'\s*::\s*jsonb?\b|'\s*(?:<@|@>|\?\||\?&|#>|#-|@\?|@@)|\bjson_extract\s?\(|\)::(?:int|bool)",),
        confirm=matching(
            r"'\s{0,4}::\s{0,4}jsonb?\b|'\s{0,4}(?:<@|@>|\?\||\?&|#>>?|#-|@\?|@@)\s{0,4}(?:/\*|'|array\b)"
            r"|\bjson_extract\s?\([\s/*]{0,8}(?:'|\w)|\w\)::(?:int|bool)\b"
        ),
        matches=(
            "OR '{\"b\":2}'::jsonb <@ '{\"a\":1}'",
            "'[1,2]' @> '1'",
            "json_extract('{\"a\":1}', '$.a') = 1",
            "x(password)::int",
        ),
        passes=("'a' -> 'b'", "std::json::parse", "see @@ 'x'", "the json extract (all)"),
    ),
)
