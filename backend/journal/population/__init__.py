"""A lived-in site out of a seed: content in use, and the debris that years of use leave behind."""
