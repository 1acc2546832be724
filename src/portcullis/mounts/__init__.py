"""Mounts carry bytes to and from the engine. They may not import a store."""
