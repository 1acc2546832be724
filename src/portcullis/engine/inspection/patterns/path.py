"""Paths that lead out of where a value should stay, and files that are read by it (CWE-22, CWE-98)."""

from __future__ import annotations

from typing import Final

from portcullis.engine.inspection.detectors import paths
from portcullis.engine.inspection.pattern import END, AttackClass, Pattern, matching

CLASS: Final = AttackClass(
    key="path",
    title="path traversal",
    summary="steps up in a path, also encoded; files of a system that no API hands out; stream wrappers",
    cwe=22,
)

PATTERNS: Final = (
    Pattern(
        "path-101",
        "steps up in a path",
        expressions=(
            r"\.\.[;\x00]*(?:[/\\]|0x2f|0x5c|x2f|x5c|%2f|%5c)",
            r"(?:0x2e|x2e|%2e){2}|\.{3,}[/\\]|[/\\]\.{4,}|\.\.2f\.\.|[/\\]\.[/\\]+\.+[/\\]|\w{40}(?:\.{4}|[/\\]\.\.)",
        ),
        confirm=paths.is_climb,
        matches=(
            "../../etc/passwd",
            "..\\..\\boot.ini",
            "/../x",
            "....//....//x",
            "%2e%2e%2f%2e%2e%2f",
            "..%c0%af..%c0%af",
            "..;/..;/manager",
            "/..0x2f..0x2f{file}",
            ".../.../.../x",
            "/.//./../x",
        ),
        passes=(
            "../images/x.png",
            "see [this](../../docs/a.md)",
            "wait.../and see...",
            "a..b/c..d",
            "yes.. / no..",
            "./a/./b",
        ),
    ),
    Pattern(
        "path-102",
        "a file of the system that no API hands out",
        expressions=(
            (
                r"\betc[/\\]+(?:passwd|shadow|master\.passwd|sudoers|crontab|gshadow|security|hosts|group|issue|motd|fstab"
                r"|environment|apache|httpd|nginx|php|mysql|ssh|vsftpd|proftpd|protpd|pure|samba|ldap|openldap|redhat|lsb|resolv"
                r"|inetd|syslog|logrotate|profile|bashrc|init|cron|ppp|network|ftp|mail|aliases|sysconfig|pam|nsswitch|rpc)"
            ),
            (
                r"\bproc[/\\]+(?:self|version|cmdline|mounts|net|cpuinfo|meminfo|\d|sched_debug|stat|uptime|filesystems|modules"
                r"|devices|interrupts|ioports|swaps)"
            ),
            r"\bvar[/\\]+(?:log|www|lib[/\\]+mysql|run|mail|spool|apache\d?|adm|lp|saf)[/\\]",
            r"\broot[/\\]+\.\w|\bhome[/\\]+[\w.-]+[/\\]+\.(?:ssh|bash|profile|aws|kube|netrc|mysql)",
            r"\b(?:usr|opt)[/\\]+(?:local[/\\]+)?(?:etc|apache\d?|lampp|nginx|mysql|php|lib|pgsql|psa|xampp)[/\\]",
            (
                r"\b(?:win\.ini|boot\.ini|system\.ini|web\.config|php\.ini|my\.cnf|my\.ini|httpd\.conf|ntuser\.dat|autoexec\.bat"
                r"|global\.asa|wp-config\.php|localsettings\.php|config\.inc\.php|metabase\.xml)"
            ),
            (
                r"\bweb-inf\W?|\.(?:htaccess|htpasswd)|\.git[/\\](?:config|head|index)|\.svn[/\\]|\.ssh[/\\]|\.aws[/\\]|\.kube[/\\]"
                r"|\.docker[/\\]|\.(?:bash|mysql)_history|\.npmrc|\.pgpass|\.netrc"
            ),
            (
                r"\b[c-f]:[/\\]+(?:windows|winnt|inetpub|xampp|wamp|apache|php|mysql|programdata|program ?files|minint"
                r"|nginx|ftpuser|sysprep|unattend|system32)|\bc:inetpub|\bc:oot\.ini"
                r"|%(?:systemroot|windir|appdata|programfiles|userprofile)%"
            ),
            r"[/\\](?:windows|winnt)[/\\]+(?:system32|repair|win|system|php|debug|panther|my|setup)",
            r"(?:[/\\\x1f]|^)\.env(?:\.\w+)?" + END,
        ),
        confirm=paths.is_system_file,
        matches=(
            "/etc/passwd",
            "file:///etc/shadow",
            "c:\\windows\\win.ini",
            "/proc/self/environ",
            "WEB-INF/web.xml",
            "/var/log/apache/access.log",
            "../boot.ini",
            ".env",
        ),
        passes=(
            "Edit /etc/hosts and add the name there",
            "see C:\\Users\\me\\Documents for the file",
            "logs are in /var/log/app/ by default",
            "set the .env file",
            "/opt/php/tools",
        ),
    ),
    Pattern(
        "path-103",
        "a stream wrapper that reads or runs what it names",
        expressions=(
            r"php://(?:filter|input|stdin|fd|memory|temp|output)|phar://[\w./%]|zip://[\w./%]|expect://[\w./%]|glob://[\w./%]",
            r"compress\.(?:zlib|bzip2)://|ssh2(?:\.\w+)?://|jar:(?:file|https?):|netdoc:/|gopher://\w|dict://[\w.\[]|tftp://\w",
            r"file:/+(?:[a-z]:[/\\]|etc/|proc/|var/|windows|localhost\b|127\.|\\)",
        ),
        matches=(
            "php://filter/convert.base64-encode/resource=x",
            "phar://a.phar/x",
            "file:///etc/x",
            "expect://id",
            "gopher://127.0.0.1:25/x",
        ),
        passes=("the php: filter", "https://x/y", "file: a.txt", "data://", "file:///srv/docs/index.html"),
    ),
    Pattern(
        "path-104",
        "a NUL that cuts a file name short",
        expressions=(r"%(?:25)?00|\x00|\\0|\\x00",),
        confirm=matching(
            r"(?:[/\\]|\.\w{2,5})[^\s\x00]{0,80}(?:%(?:25)?00|\x00|\\x?0{1,2})\s{0,4}"
            r"(?:\.?(?:jpe?g|png|gif|html?|php|txt|pdf|zip|ini|asp|jsp|index)\b|\Z)"
        ),
        matches=("../../x.php%00.jpg", "/etc/passwd%00", "boot.ini%00index.html"),
        passes=("100%00 off", "a%00", "C:\\0\\1 is a path"),
    ),
)
