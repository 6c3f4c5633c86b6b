"""What points at files: names listed, texts read, and what no text names."""
