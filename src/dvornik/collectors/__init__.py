"""Collectors: one kind of debris each."""
