"""Chance that repeats: the same seed and the same thing give the same draw, whatever was drawn before."""

from random import Random


class Chance:
    """A source of generators, one for each thing."""

    def __init__(self, seed: str) -> None:
        """Take the population's seed."""
        self._seed = seed

    def of(self, *thing: object) -> Random:
        """Return the generator that belongs to ``thing`` alone."""
        return Random(":".join([self._seed, *map(str, thing)]))  # noqa: S311 - no secret depends on it


def token(rng: Random) -> str:
    """Return eight letters that make a name unlike any other."""
    return f"{rng.getrandbits(32):08x}"
