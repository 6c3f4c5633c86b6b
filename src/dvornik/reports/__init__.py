"""Reports: one result, told in several ways."""
