"""Names of commands, by how much of a word they are."""

from __future__ import annotations

from typing import Final


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


RARE: Final = _names(
    """
    whoami uname ifconfig ipconfig netstat printenv lsb_release systeminfo sysinfo tasklist nslookup traceroute
    tracert wget curl ncat netcat bash zsh ksh dash csh sh ls id ps nc dir cmd powershell pwsh chmod chown
    passwd rm cp mv lsof dmesg perl python ruby gcc nmap telnet ssh scp tftp rundll32 regsvr32 mshta certutil
    wmic crontab mkfifo busybox tcpdump arp route useradd adduser w lastlog lastlogin hostnamectl hostname
    getent gpasswd sudo su base64 base32 xxd awk sed nohup vol ver netsh md5sum tac mkdir rmdir mysql psql
    sqlite3 socat openssl xargs whereis dig fsutil cacls icacls htop iwr iex
    """
)
"""Names that no sentence has after a separator: called alone they tell enough."""

WORDS: Final = _names(
    """
    cat pwd echo find sort date time at more less head tail who test top kill sleep host type wait which make
    cut join split nice mail last look touch env set export alias history exit ping net copy del move start ftp
    finger locate man stat df du free mount node php java go tee tr wc grep egrep vi vim nano nl od printf read
    source eval exec system reboot shutdown halt strings tar zip unzip gzip git docker cd uptime reg sc ln dd
    expr yes watch screen for if while
    """
)
"""Names that are words as well: they need arguments."""

TOOLS: Final = _names(
    """
    python perl ruby gcc mysql psql sqlite3 ssh scp curl wget openssl base64 sed awk bash sh zsh nmap dig mkdir
    cp mv sudo su route w chmod powershell
    """
)
"""What documentation calls all the time, so that a text that begins with one of them is none of a command alone."""
