"""Honest programs that read standard input, in the many styles of contest solutions."""

from __future__ import annotations

from . import stdin_inputs as inputs
from .problem import Problem, line, size, words

SUM_AND_EXTREMES = """
n = int(input())
values = list(map(int, input().split()))
print(sum(values), min(values), max(values))
"""

WORD_COUNT = """
import sys

counts = {}
for word in sys.stdin.read().split():
    counts[word] = counts.get(word, 0) + 1
for word in sorted(counts, key=lambda w: (-counts[w], w)):
    print(word, counts[word])
"""

BRACKETS = """
text = input()
closing = {")": "(", "]": "[", "}": "{"}
stack = []
good = True
for letter in text:
    if letter in closing:
        if not stack or stack.pop() != closing[letter]:
            good = False
            break
    else:
        stack.append(letter)
print("yes" if good and not stack else "no", len(stack))
"""

PAIRS_OF_A_SUM = """
n = int(input())
values = list(map(int, input().split()))
target = values[0]
seen = {}
found = 0
for value in values[1:]:
    found += seen.get(target - value, 0)
    seen[value] = seen.get(value, 0) + 1
print(found, len(seen))
"""

STAIRS = """
import sys

def main():
    read = sys.stdin.readline
    read()
    answers = []
    for steps in map(int, read().split()):
        ways = [1, 1, 2]
        while len(ways) <= steps:
            ways.append((ways[-1] + ways[-2] + ways[-3]) % 1000007)
        answers.append(ways[steps])
    print(*answers)

main()
"""

KNAPSACK = """
import sys

data = list(map(int, sys.stdin.read().split()))
count, room = data[0], data[1]
best = [0] * (room + 1)
for item in range(count):
    weight, value = data[2 + 2 * item], data[3 + 2 * item]
    for load in range(room, weight - 1, -1):
        best[load] = max(best[load], best[load - weight] + value)
print(best[room])
"""

COMMON_SUBSEQUENCE = """
a, b = input().split()
table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
for i in range(len(a)):
    for j in range(len(b)):
        if a[i] == b[j]:
            table[i + 1][j + 1] = table[i][j] + 1
        else:
            table[i + 1][j + 1] = max(table[i][j + 1], table[i + 1][j])
print(table[len(a)][len(b)])
"""

MAZE = """
from collections import deque

height, width = map(int, input().split())
rows = [input() for _ in range(height)]
steps = {(0, 0): 0}
waiting = deque([(0, 0)])
while waiting:
    row, column = waiting.popleft()
    for down, right in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        place = row + down, column + right
        if 0 <= place[0] < height and 0 <= place[1] < width and rows[place[0]][place[1]] == "." and place not in steps:
            steps[place] = steps[row, column] + 1
            waiting.append(place)
print(len(steps), max(steps.values()), sum(steps.values()))
"""

SHORTEST_PATHS = """
import heapq
import sys

def main():
    lines = sys.stdin.readlines()
    nodes, edges = map(int, lines[0].split())
    roads = {node: [] for node in range(1, nodes + 1)}
    for text in lines[1:edges + 1]:
        a, b, length = map(int, text.split())
        roads[a].append((b, length))
        roads[b].append((a, length))
    distance = {}
    heap = [(0, 1)]
    while heap:
        here, node = heapq.heappop(heap)
        if node in distance:
            continue
        distance[node] = here
        for other, length in roads[node]:
            heapq.heappush(heap, (here + length, other))
    print(*[distance.get(node, -1) for node in range(1, nodes + 1)])

if __name__ == "__main__":
    main()
"""

COMPONENTS = """
class Sets:
    def __init__(self, size):
        self.parent = list(range(size))
        self.size = [1] * size

    def root(self, node):
        while self.parent[node] != node:
            node = self.parent[node]
        return node

    def join(self, a, b):
        a, b = self.root(a), self.root(b)
        if a != b:
            self.parent[b] = a
            self.size[a] += self.size[b]

nodes, edges = map(int, input().split())
sets = Sets(nodes + 1)
for _ in range(edges):
    a, b = map(int, input().split())
    sets.join(a, b)
roots = [node for node in range(1, nodes + 1) if sets.root(node) == node]
print(len(roots))
print(*sorted(sets.size[root] for root in roots))
"""

CAESAR = """
shift, text = input().split()
shift = int(shift)
moved = []
for letter in text:
    if letter.islower():
        moved.append(chr((ord(letter) - 97 + shift) % 26 + 97))
    else:
        moved.append(chr((ord(letter) - 65 - shift) % 26 + 65))
print("".join(moved))
"""

RUN_LENGTHS = """
from itertools import groupby

print("".join(f"{len(list(group))}{letter}" for letter, group in groupby(input())))
"""

PRIMES = """
input()
for limit in map(int, input().split()):
    sieve = [True] * (limit + 1)
    sieve[0:2] = [False] * len(sieve[0:2])
    p = 2
    while p * p <= limit:
        if sieve[p]:
            for multiple in range(p * p, limit + 1, p):
                sieve[multiple] = False
        p += 1
    print(sum(sieve))
"""

DIVISORS = """
from functools import reduce
from math import gcd

n = int(input())
values = list(map(int, input().split()))
print(reduce(gcd, values), reduce(lambda a, b: a * b // gcd(a, b), values))
"""

MERGED_INTERVALS = """
spans = sorted(tuple(map(int, input().split())) for _ in range(int(input())))
merged = [list(spans[0])]
for start, end in spans[1:]:
    if start <= merged[-1][1]:
        merged[-1][1] = max(merged[-1][1], end)
    else:
        merged.append([start, end])
for start, end in merged:
    print(start, end)
"""

MATRIX_PRODUCT = """
import sys

def read_matrix(size):
    return [[int(cell) for cell in sys.stdin.readline().split()] for _ in range(size)]

size = int(sys.stdin.readline())
a, b = read_matrix(size), read_matrix(size)
for row in a:
    print(*[sum(x * y for x, y in zip(row, column)) for column in zip(*b)])
"""

INCREASING = """
from bisect import bisect_left

n = int(input())
tails = []
for value in map(int, input().split()):
    place = bisect_left(tails, value)
    if place == len(tails):
        tails.append(value)
    else:
        tails[place] = value
print(len(tails))
"""

QUEENS = """
def place(row, size, columns, falling, rising):
    if row == size:
        return 1
    total = 0
    for column in range(size):
        if column in columns or row - column in falling or row + column in rising:
            continue
        total += place(row + 1, size, columns | {column}, falling | {row - column}, rising | {row + column})
    return total

n = int(input())
for size in map(int, input().split()):
    print(place(0, size, frozenset(), frozenset(), frozenset()))
"""

ANAGRAMS = """
import sys

groups = {}
for word in sys.stdin.readline().split():
    groups.setdefault("".join(sorted(word)), []).append(word)
for key in sorted(groups):
    print(key, ",".join(groups[key]))
"""

BANK = """
class Account:
    def __init__(self):
        self.amount = 0
        self.refused = 0

    def take(self, amount):
        if amount > self.amount:
            self.refused += 1
        else:
            self.amount -= amount

accounts = {}
for _ in range(int(input())):
    order, name, amount = input().split()
    account = accounts.setdefault(name, Account())
    if order == "put":
        account.amount += int(amount)
    elif order == "take":
        account.take(int(amount))
    else:
        print(name, account.amount, account.refused)
print(sum(account.amount for account in accounts.values()))
"""

ROOTS = """
n = int(input())
for value in map(int, input().split()):
    low, high = 0, value + 1
    while high - low > 1:
        middle = (low + high) // 2
        if middle * middle <= value:
            low = middle
        else:
            high = middle
    print(low, value - low * low)
"""

PALINDROMES = """
text = input().strip()
found = set()
for center in range(2 * len(text) - 1):
    left = center // 2
    right = left + center % 2
    while left >= 0 and right < len(text) and text[left] == text[right]:
        found.add(text[left:right + 1])
        left -= 1
        right += 1
print(len(found), max(map(len, found)))
"""

DIGITS = """
n = int(input())
total = 0
for value in map(int, input().split()):
    base = 2 + total % 9
    while value:
        value, digit = divmod(value, base)
        total += digit
print(total)
"""

ORDER = """
import heapq

nodes, edges = map(int, input().split())
after = [[] for _ in range(nodes + 1)]
waits = [0] * (nodes + 1)
for _ in range(edges):
    a, b = map(int, input().split())
    after[a].append(b)
    waits[b] += 1
ready = [node for node in range(1, nodes + 1) if waits[node] == 0]
heapq.heapify(ready)
order = []
while ready:
    node = heapq.heappop(ready)
    order.append(node)
    for other in after[node]:
        waits[other] -= 1
        if waits[other] == 0:
            heapq.heappush(ready, other)
print(*order)
"""

RANGE_SUMS = """
import sys

data = iter(sys.stdin.read().split())
count, queries = int(next(data)), int(next(data))
sums = [0]
for _ in range(count):
    sums.append(sums[-1] + int(next(data)))
answers = []
for _ in range(queries):
    first, last = int(next(data)), int(next(data))
    answers.append(str(sums[last] - sums[first - 1]))
sys.stdout.write("\\n".join(answers) + "\\n")
"""

STDIN_PROBLEMS = [
    Problem("sum and extremes", SUM_AND_EXTREMES, inputs.counted(-50, 50, 1, 300)),
    Problem("word count", WORD_COUNT, lambda rng: line(words(rng, "ab", 4, size(rng, 1, 300)))),
    Problem("brackets", BRACKETS, inputs.brackets),
    Problem("pairs of a sum", PAIRS_OF_A_SUM, inputs.counted(0, 6, 3, 200)),
    Problem("stairs", STAIRS, inputs.counted(0, 60, 1, 9)),
    Problem("knapsack", KNAPSACK, inputs.sack),
    Problem("common subsequence", COMMON_SUBSEQUENCE, lambda rng: line(words(rng, "abc", 40, 2))),
    Problem("maze", MAZE, inputs.grid),
    Problem("shortest paths", SHORTEST_PATHS, inputs.graph),
    Problem("components", COMPONENTS, inputs.pairs),
    Problem("caesar", CAESAR, lambda rng: f"{rng.randint(1, 25)} {words(rng, 'abyzABYZ', 300, 1)[0]}\n"),
    Problem("run lengths", RUN_LENGTHS, inputs.one_word("ab", 250)),
    Problem("primes", PRIMES, inputs.counted(0, 250, 1, 9)),
    Problem("divisors", DIVISORS, inputs.counted(1, 60, 1, 30)),
    Problem("merged intervals", MERGED_INTERVALS, inputs.intervals),
    Problem("matrix product", MATRIX_PRODUCT, inputs.matrices),
    Problem("increasing", INCREASING, inputs.counted(0, 90, 1, 250)),
    Problem("queens", QUEENS, inputs.counted(1, 5, 1, 4)),
    Problem("anagrams", ANAGRAMS, lambda rng: line(words(rng, "abc", 3, size(rng, 1, 150)))),
    Problem("bank", BANK, inputs.bank),
    Problem("roots", ROOTS, inputs.counted(0, 900, 1, 60)),
    Problem("palindromes", PALINDROMES, inputs.one_word("ab", 50)),
    Problem("digits", DIGITS, inputs.counted(0, 999, 1, 90)),
    Problem("order", ORDER, inputs.acyclic),
    Problem("range sums", RANGE_SUMS, inputs.ranges),
]
