"""Schedules: in which order the phases of training run. Each is a function that fits on one screen.

| schedule | what overlaps | staleness of a batch (policy versions) |
|---|---|---|
| sync | nothing: sampler and trainer take turns on the same devices (the paper's 14B run) | 0 |
| minibatch_pipeline | training on the first mini-batches, sampling of the rest | 0: weights are pushed once a batch |
| one_off | training on batch t, sampling of batch t+1 (the paper's 1.5B run) | exactly 1 |
| asynchronous | everything; weights change in flight | at most trainer.max_staleness |

All but the first give sampler and trainer devices of their own (placement.py).
Source of the middle two: the released pipeline, in words in together.ai/blog/deepcoder ("verl-pipeline").
"""

from __future__ import annotations

from collections.abc import Callable

from deepcoder.rl.flow import Flow
from deepcoder.rl.stage import Run

Report = Callable[[dict[str, float]], None]


def sync(run: Run, report: Report) -> None:
    """Sample, judge, weigh, update, hand over the weights; again, until the stage has had its steps."""
    for step in run.steps():
        rollouts = run.sample(step)
        run.sampler.sleep()
        run.train(rollouts)
        run.hand_over(rollouts)
        run.finish(step, rollouts, report)


def minibatch_pipeline(run: Run, report: Report) -> None:
    """Train on a mini-batch as soon as enough prompts are through, the longest responses first."""
    for step in run.steps():
        rollouts = []
        with run.groups(step) as stream:
            for groups in stream.minibatches(run.settings.batch.minibatch):
                part = [rollout for group in groups for rollout in group.judged()]
                run.train(part)
                rollouts += part
        run.hand_over(rollouts)
        run.finish(step, rollouts, report)


def one_off(run: Run, report: Report) -> None:
    """While batch t trains, sample batch t+1 with the weights that batch t-1 left."""
    rollouts = None
    for step in run.steps():
        if rollouts is None:
            rollouts = run.queued or run.sample(step)
        with run.beside(run.sample, step + 1) as sampling:
            run.train(rollouts)
            following = sampling.result() if sampling else None
        run.hand_over(following or rollouts)
        run.finish(step, rollouts, report, queued=following)
        rollouts = following


def asynchronous(run: Run, report: Report) -> None:
    """Sample without a pause, train on whatever is through and not too stale, change the weights in flight."""
    with Flow(run, run.settings.trainer.max_staleness) as flow:
        for step in run.steps():
            rollouts = flow.take()
            run.train(rollouts)
            flow.hand_over()
            with flow.paused():
                run.check_weights(rollouts)
                scores = run.validate(step)
            run.finish(step, rollouts, report, scores, flow.unused())


SCHEDULES = {
    "sync": sync,
    "minibatch_pipeline": minibatch_pipeline,
    "one_off": one_off,
    "async": asynchronous,
}
