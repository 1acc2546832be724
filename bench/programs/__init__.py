"""Programs of our own that a measurement starts as processes. Each is one file that needs Python alone."""
