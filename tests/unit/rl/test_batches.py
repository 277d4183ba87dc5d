"""Which problems and tokens go where: seeds by counter, epochs, micro-batches, shares of ranks."""

from hypothesis import given
from hypothesis import strategies as st

from deepcoder.rl.micro_batches import plan_micro_batches, share_of
from deepcoder.rl.seeds import batch_of, permutation, seed_of

LENGTHS = st.lists(st.integers(1, 100), min_size=1, max_size=40)


@given(LENGTHS, st.integers(1, 300), st.integers(1, 4))
def test_every_sequence_is_in_one_micro_batch_within_the_budget(lengths: list[int], budget: int, ranks: int) -> None:
    plan = plan_micro_batches(lengths, budget, ranks)
    assert sorted(index for part in plan for index in part) == list(range(len(lengths)))
    for part in plan:
        assert len(part) == 1 or sum(lengths[i] for i in part) <= budget


@given(LENGTHS, st.integers(1, 5))
def test_ranks_share_all_micro_batches_and_have_equally_many(lengths: list[int], ranks: int) -> None:
    plan = plan_micro_batches(lengths, 120, ranks)
    shares = [share_of(plan, rank, ranks) for rank in range(ranks)]
    assert len({len(share) for share in shares}) == 1
    assert sorted(part for share in shares for part in share if part) == sorted(plan)


@given(LENGTHS, st.integers(100, 300), st.integers(1, 4))
def test_no_rank_has_more_than_one_sequence_more_to_do_than_another(
    lengths: list[int], budget: int, ranks: int
) -> None:
    plan = plan_micro_batches(lengths, budget, ranks)
    tokens = [sum(lengths[i] for i in part) for part in plan]
    assert len(plan) % ranks == 0 or len(plan) == len(lengths)
    assert max(tokens) - min(tokens) <= max(lengths)


@given(st.integers(1, 30), st.integers(1, 7), st.integers(0, 5))
def test_an_epoch_shows_every_problem_once(length: int, size: int, seed: int) -> None:
    steps = -(-length // size)
    shown = [index for step in range(steps) for index in batch_of(length, size, step, seed)][:length]
    assert sorted(shown) == list(range(length))


def test_seeds_depend_on_every_name_and_on_nothing_else() -> None:
    assert seed_of(0, "16k", 1, "p", 2) == seed_of(0, "16k", 1, "p", 2)
    names = [
        (0, "16k", 1),
        (1, "16k", 1),
        (0, "32k", 1),
        (0, "16k", 2),
        (
            0,
            "16k1",
        ),
    ]
    assert len({seed_of(*name) for name in names}) == len(names)
    assert all(0 <= seed_of(i) < 2**31 for i in range(100))
    assert permutation(50, 1) != permutation(50, 2)
