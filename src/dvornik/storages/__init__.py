"""Storages: one system's mechanics each, to list files and to take them away safely."""
