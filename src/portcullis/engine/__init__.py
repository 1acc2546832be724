"""The engine decides about one exchange. It touches no socket, no file and no clock.

What it needs from outside are the small protocols of :mod:`portcullis.engine.ports`.
"""
