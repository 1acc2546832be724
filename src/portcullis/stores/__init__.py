"""Stores implement the engine's ports: counters, credentials, records. They may not import a mount."""
