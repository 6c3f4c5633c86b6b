"""Real applications, driven through their own pages and then cleaned."""
