"""The tuples of relations in an SQLite file of their own, for a million of them and more.

One process writes, the control process; workers read the file themselves, since a request can't wait for anybody. They
map it into memory, so all of them share what of it is in use, and what was committed is seen by whoever reads next.
"""
