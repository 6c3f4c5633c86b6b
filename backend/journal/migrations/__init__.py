"""The journal's tables, step by step."""
