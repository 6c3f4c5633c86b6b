"""The settings, addresses and entry points of the reference site."""
