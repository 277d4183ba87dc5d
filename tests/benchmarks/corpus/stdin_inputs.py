"""Makers of inputs for the programs on standard input."""

from __future__ import annotations

import random

from .problem import Make, line, numbers, size, words


def counted(low: int, high: int, least: int, most: int) -> Make:
    """Maker of a count and that many numbers below it."""

    def make(rng: random.Random) -> str:
        values = numbers(rng, low, high, size(rng, least, most))
        return f"{len(values)}\n{line(values)}"

    return make


def one_word(alphabet: str, longest: int) -> Make:
    """Maker of one word."""
    return lambda rng: words(rng, alphabet, longest, 1)[0] + "\n"


def brackets(rng: random.Random) -> str:
    """A balanced text, one letter of it changed now and then."""
    text = ""
    for _ in range(size(rng, 1, 60)):
        pair, place = rng.choice(("()", "[]", "{}")), rng.randint(0, len(text))
        text = text[:place] + pair + text[place:] if rng.random() < 0.5 else pair[0] + text + pair[1]
    if rng.random() < 0.5:
        place = rng.randrange(len(text))
        text = text[:place] + rng.choice(("", "(", "]")) + text[place + 1 :]
    return text + "\n"


def grid(rng: random.Random) -> str:
    height, width = size(rng, 2, 20), size(rng, 2, 20)
    cells = ["".join(rng.choice("...#") for _ in range(width)) for _ in range(height)]
    cells[0] = "." + cells[0][1:]
    return f"{height} {width}\n" + "\n".join(cells) + "\n"


def graph(rng: random.Random) -> str:
    nodes = size(rng, 2, 40)
    edges = [(*rng.sample(range(1, nodes + 1), 2), rng.randint(1, 9)) for _ in range(rng.randint(nodes, 3 * nodes))]
    return f"{nodes} {len(edges)}\n" + "".join(line(edge) for edge in edges)


def pairs(rng: random.Random) -> str:
    nodes = size(rng, 2, 60)
    edges = [rng.sample(range(1, nodes + 1), 2) for _ in range(rng.randint(1, nodes))]
    return f"{nodes} {len(edges)}\n" + "".join(line(edge) for edge in edges)


def acyclic(rng: random.Random) -> str:
    nodes = size(rng, 3, 40)
    order = rng.sample(range(1, nodes + 1), nodes)
    edges = [sorted(rng.sample(range(nodes), 2)) for _ in range(rng.randint(2, 2 * nodes))]
    return f"{nodes} {len(edges)}\n" + "".join(line((order[a], order[b])) for a, b in edges)


def sack(rng: random.Random) -> str:
    items = [(rng.randint(1, 9), rng.randint(1, 30)) for _ in range(size(rng, 1, 20))]
    return line((len(items), rng.randint(5, 90))) + "".join(line(item) for item in items)


def intervals(rng: random.Random) -> str:
    spans = [(start := rng.randint(0, 90), start + rng.randint(1, 8)) for _ in range(size(rng, 1, 60))]
    return f"{len(spans)}\n" + "".join(line(span) for span in spans)


def matrices(rng: random.Random) -> str:
    width = size(rng, 1, 11)
    return f"{width}\n" + "".join(line(numbers(rng, -5, 5, width)) for _ in range(2 * width))


def bank(rng: random.Random) -> str:
    orders = []
    for _ in range(size(rng, 3, 150)):
        name, amount = rng.choice("abc"), rng.randint(1, 50)
        orders.append(f"{rng.choice(('put', 'take', 'show'))} {name} {amount}")
    return f"{len(orders)}\n" + "\n".join(orders) + "\n"


def ranges(rng: random.Random) -> str:
    values = numbers(rng, -20, 20, size(rng, 3, 200))
    queries = [sorted(rng.sample(range(1, len(values) + 1), 2)) for _ in range(size(rng, 1, 100))]
    return line((len(values), len(queries))) + line(values) + "".join(line(query) for query in queries)
