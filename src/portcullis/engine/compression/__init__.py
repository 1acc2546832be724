"""Compressing answers on their way to clients: whether (``choosing``), and how (``encoders``)."""
