"""The journal of a yard: articles, photographs and documents."""
