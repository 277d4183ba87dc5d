"""What is private: found in any text around it, and what only looks like it is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepcoder.provenance.private import REDACTED, Private, is_secret_name

KEYS = [
    "hf_" + "AbCdEfGh12345678",
    "sk-" + "a1b2c3d4e5f6a7b8",
    "ghp_" + "0123456789abcdefghij",
    "AKIA" + "ABCDEFGHIJKLMNOP",
    "eyJ" + "hbGciOiJI.eyJzdWIiOiIx.c2ln",
    "https://user:pw@host.example/x",
    "https://token@host.example/x",
    "/home/alice/x",
    "/Users/alice",
    "/" + "root/.netrc",
    "/scratch/project_17/alice",
    "\\/home\\/alice\\/x",
    "%2Fhome%2Falice",
    "file:///srv/x",
    "C:\\Users\\alice",
    "password: hunter2",
    "HF_TOKEN=abcdef123",
    '"api_key": "abcdef123"',
    "--token abcdef123",
    "Authorization: Bearer abcdef123456",
]
PUBLIC = [
    "results/smoke/work/strict/tiny/16k/manifest.json",
    "max_tokens: 4096",
    "max_tokens_per_gpu=16384",
    "tiktoken==0.14.0",
    "token = tokenizer.decode(ids)",
    "https://w3id.org/ro/wfrun/provenance/0.5",
    "/usr/bin/python3 /dev/null /proc/self/status",
    "</div><br/>and/or 1/2",
    "f4b53d2c" * 8,
    '"pad_token": "<pad>"',
]


@pytest.mark.parametrize("text", KEYS)
def test_what_is_private_is_found_and_replaced(text: str) -> None:
    private = Private()
    assert private.found(f"a {text} b")
    assert private.clean(f"a {text} b").startswith("a ")
    assert private.found(private.clean(f"a {text} b")) is None


@pytest.mark.parametrize("text", PUBLIC)
def test_what_is_public_stays(text: str) -> None:
    assert Private().found(text) is None
    assert Private().clean({"x": [text]}) == {"x": [text]}


@given(st.sampled_from(KEYS), st.text(), st.text())
def test_nothing_private_is_left_after_cleaning_whatever_stands_around_it(key: str, before: str, after: str) -> None:
    private = Private()
    assert private.found(private.clean(f"{before}\n{key}\n{after}")) is None


@pytest.mark.parametrize("name", ["token", "HF_TOKEN", "wandb.api_key", "hub__password", "apiKey", "--auth-token"])
def test_the_value_of_a_secret_name_never_stays_whatever_it_is(name: str) -> None:
    cleaned = Private().clean({name: "x y", "deep": [{name: ["x"]}, {name: 7}], "n": None})
    assert cleaned == {name: REDACTED, "deep": [{name: REDACTED}, {name: REDACTED}], "n": None}


@pytest.mark.parametrize("name", ["max_tokens", "key_value_heads", "tokenizer", "tokens", "secretary", "monkey"])
def test_a_name_that_only_has_such_a_word_in_it_is_no_secret(name: str) -> None:
    assert not is_secret_name(name)


def test_the_word_after_an_option_for_a_secret_goes() -> None:
    assert Private().clean(["x.py", "--api-key", "a", "--out", "b"]) == ["x.py", "--api-key", REDACTED, "--out", "b"]


def test_names_of_users_and_hosts_are_private_unless_the_workflow_has_the_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "train")
    assert Private(["node-17"]).clean("train on node-17, training") == f"{REDACTED} on {REDACTED}, training"
    assert Private(["node-17"], "rule train:").clean("train on node-17") == f"train on {REDACTED}"
