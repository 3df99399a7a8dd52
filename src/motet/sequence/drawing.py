"""A mask as text: small enough to read, exact enough to compare with."""

from motet.sequence.tags import Tags, sees


def draw_mask(tags: Tags) -> str:
    """A line for each query and a sign for each key: ``x`` where the query sees the key, ``.`` where it does not.

    Tags of several rows ``[b, t]`` give several squares, with an empty line between them. Padding sees only padding.

        x . .
        x x .
        . . x
    """
    squares = sees(tags, tags).reshape(-1, tags.doc.shape[-1], tags.doc.shape[-1])
    return "\n\n".join(
        "\n".join(" ".join("x" if seen else "." for seen in line) for line in square) for square in squares.tolist()
    )
