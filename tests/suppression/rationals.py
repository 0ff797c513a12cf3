"""Linear algebra over the rationals, for tests: exact, and sharing nothing with the product."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

Vector = Sequence[int]


def rank(vectors: Iterable[Vector]) -> int:
    """How many of the vectors are independent: Gaussian elimination by fractions."""
    rows: list[list[Fraction]] = []
    for vector in vectors:
        rest = [Fraction(number) for number in vector]
        for row in rows:
            pivot = next(position for position, number in enumerate(row) if number)
            times = rest[pivot] / row[pivot]
            rest = [number - times * other for number, other in zip(rest, row, strict=True)]
        if any(rest):
            rows.append(rest)
    return len(rows)


def spans(vectors: Sequence[Vector], wanted: Vector) -> bool:
    """Whether the wanted vector is a combination of the others."""
    return rank([*vectors, wanted]) == rank(vectors)


def dot(one: Vector, other: Vector) -> int:
    return sum(a * b for a, b in zip(one, other, strict=True))
