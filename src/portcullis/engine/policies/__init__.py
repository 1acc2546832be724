"""The policies: a package for each phase, a module for each kind. See :mod:`portcullis.engine.policy`."""
