"""Made-up sites of applications that exist: where each puts its files, and what its tables hold of them."""
