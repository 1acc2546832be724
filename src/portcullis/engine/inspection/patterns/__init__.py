"""The patterns, a module for each class of attack. See :mod:`portcullis.engine.inspection.pattern`."""
