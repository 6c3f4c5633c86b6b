"""Housekeeping for self-hosted web applications."""

__version__ = "0.1.0"
