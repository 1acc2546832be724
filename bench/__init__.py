"""``make bench``: what a request costs in Portcullis and in its peers, measured side by side in one run.

Theory. Requests a second say more about the machine and its other guests than about a proxy, so the figure here is
*CPU time a request*: the kernel's CPU clocks of all processes of a proxy, over a window of steady load, divided by the
requests that were answered in that window. One proxy at a time works on one CPU; the load generator and the upstream
share another one. Rounds are interleaved (A B C, A B C, ...), so that a slow minute of the machine hits everyone, and
the median of the rounds is reported with its smallest and largest.
"""
