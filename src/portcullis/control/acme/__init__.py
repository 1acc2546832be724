"""Certificates by ACME (RFC 8555).

The protocol is spoken by a program of its own, which is started for one certificate and ends: what it needs is loaded
there alone, and whoever is slow to answer holds up nobody.
"""
