"""Control state in a database: SQLite now, written so that PostgreSQL can follow.

Only the control process (and a command that finds no control process) opens it; workers never do.
"""
