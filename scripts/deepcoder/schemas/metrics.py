"""The tables of training: a row per step, reproducible figures apart from wall times."""

from __future__ import annotations

import pyarrow as pa

METRICS = pa.schema(
    [
        ("step", pa.int32()),  # from 1; the weights after this many steps
        ("reward_mean", pa.float64()),
        ("solve_all", pa.float64()),  # share of prompts all of whose samples passed
        ("solve_none", pa.float64()),
        ("solve_partial", pa.float64()),
        ("response_length_mean", pa.float64()),  # tokens
        ("clipped_share", pa.float64()),  # of responses, stopped by the length limit
        ("masked_share", pa.float64()),  # of responses, where the judge itself failed
        ("staleness_mean", pa.float64()),  # policy versions behind the trained one, mean over response tokens
        ("staleness_max", pa.int32()),
        ("entropy", pa.float64()),  # nats per response token, before the updates
        ("clip_fraction_low", pa.float64()),
        ("clip_fraction_high", pa.float64()),
        ("grad_norm", pa.float64()),  # before clipping
        ("loss", pa.float64()),
        ("log_prob_gap", pa.float64()),  # mean |sampler - trainer|, nats per response token
        ("validation_pass_rate", pa.float64()),  # null where not validated
        ("test_window_pass_rate", pa.float64()),  # null where not scored
    ]
)

TIMINGS = pa.schema(
    [
        ("step", pa.int32()),
        ("sample_s", pa.float64()),
        ("judge_wait_s", pa.float64()),  # after the last sample was finished
        ("log_probs_s", pa.float64()),
        ("update_s", pa.float64()),
        ("sync_s", pa.float64()),
        ("validate_s", pa.float64()),
        ("sampler_idle_s", pa.float64()),  # neither sampling nor taking weights
        ("trainer_idle_s", pa.float64()),
        ("step_s", pa.float64()),
        ("tokens", pa.int64()),  # sampled
    ]
)
