"""The configuration file: its model, how it is read, and how its errors are told."""
