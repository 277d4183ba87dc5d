"""Ranks and engines are dealt to devices that exist, and what must be near stays on one node."""

from dataclasses import replace

import pytest
from omegaconf import OmegaConf

from deepcoder.config import compose_config
from deepcoder.config.schema import Config, Trainer
from deepcoder.errors import UserError
from deepcoder.rl.placement import cores_of, place, widest

NODE = 8


@pytest.fixture(scope="module")
def paper() -> Config:
    return OmegaConf.to_object(compose_config({"scale": "paper"}))  # type: ignore[return-value]


def changed(paper: Config, **changes: object) -> Trainer:
    return replace(paper.trainer, **changes)


def test_the_paper_takes_turns_on_all_its_gpus(paper: Config) -> None:
    found = place(paper.rollout, paper.trainer, 3, gpus=32)
    assert found.shared
    assert sum(bundle["GPU"] for bundle in found.bundles) == 32
    assert sorted(rank for ranks in found.engine_ranks for rank in ranks) == list(range(32))
    for engine, ranks in enumerate(found.engine_ranks):
        assert {found.rank_bundles[rank] for rank in ranks} == {found.engine_bundles[engine]}


@pytest.mark.parametrize("schedule", ["one_off", "minibatch_pipeline", "async"])
def test_what_works_at_once_has_devices_of_its_own(paper: Config, schedule: str) -> None:
    rollout = replace(paper.rollout, engines=8)
    found = place(rollout, changed(paper, schedule=schedule, ranks=16), 3, gpus=32)
    assert not found.shared
    assert sum(bundle["GPU"] for bundle in found.bundles) == 32
    assert not set(found.rank_bundles) & set(found.engine_bundles)
    assert len(set(found.engine_bundles)) == 8
    assert found.engine_ranks == [[]] * 8, "an engine is given its GPUs by Ray"


@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_ranks_that_share_a_sequence_share_a_bundle_that_fits_a_node(paper: Config, size: int) -> None:
    for schedule, ranks in (("sync", 32), ("async", 16)):
        trainer = changed(paper, schedule=schedule, ranks=ranks, sequence_parallel=size)
        found = place(replace(paper.rollout, engines=8), trainer, 3, gpus=32)
        assert max(bundle["GPU"] for bundle in found.bundles) <= NODE
        for first in range(0, ranks, size):
            assert len(set(found.rank_bundles[first : first + size])) == 1


@pytest.mark.parametrize(
    ("changes", "engines", "gpus", "text"),
    [
        ({"schedule": "one_off"}, 16, 32, "set trainer__ranks=16 rollout__engines=8"),
        ({"schedule": "sync"}, 17, 32, "at most ranks / 2"),
        ({"schedule": "sync"}, 16, 16, "up to 16"),
        ({"schedule": "sync", "ranks": 31, "sequence_parallel": 1}, 8, 32, "multiple of 2"),
        ({"ranks": 32, "sequence_parallel": 5}, 16, 32, "sequence_parallel 5 does not divide 32 ranks"),
        ({"ranks": 3, "sequence_parallel": 2}, 1, 0, "sequence_parallel 2 does not divide 3 ranks"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_remedy(
    paper: Config, changes: dict, engines: int, gpus: int, text: str
) -> None:
    with pytest.raises(UserError, match=text):
        place(replace(paper.rollout, engines=engines), changed(paper, **changes), 3, gpus)


def test_without_gpus_cores_are_dealt_alike_for_every_schedule(paper: Config) -> None:
    rollout = replace(paper.rollout, engines=2, engine=replace(paper.rollout.engine, tensor_parallel=1))
    cores = {cores_of(rollout, changed(paper, schedule=name, ranks=4), 3) for name in ("sync", "async")}
    assert cores == {4 * 3 + 2}


def test_ranks_get_the_most_cores_that_leave_room_for_all_on_the_nodes(paper: Config) -> None:
    nodes = [(96, NODE)] * 4
    cores = widest(paper.rollout, paper.trainer, nodes)
    bundles = place(paper.rollout, paper.trainer, cores, gpus=32).bundles
    assert 11 * 8 == 88 <= sum(bundle["CPU"] for bundle in bundles[: len(bundles) // 4]) <= 96
    assert widest(paper.rollout, paper.trainer, [(128, NODE), *nodes[1:]]) == cores, "the smallest node decides"


def test_two_small_nodes_share_two_ranks_and_an_engine(paper: Config) -> None:
    engine = replace(paper.rollout.engine, tensor_parallel=1)
    rollout, trainer = replace(paper.rollout, engine=engine, engines=1), changed(paper, ranks=2, sequence_parallel=1)
    assert widest(rollout, trainer, [(3, 0), (3, 0)]) == 2
    with pytest.raises(UserError, match="1 CPUs and 0 GPUs, 1 CPUs and 0 GPUs have no room.*resources.train"):
        widest(rollout, trainer, [(1, 0), (1, 0)])
