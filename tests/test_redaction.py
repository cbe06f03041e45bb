from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.provenance import provenance
from reconciler.redaction import redacted, redacted_command

WORD = st.text("abcXYZ019%.!-", min_size=8, max_size=20)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see https://ci.example/job/7?page=2#x", "see https://ci.example/job/7?page=2#x"),
        ("https://me:pw@example.org/a", "https://***@example.org/a"),
        ("https://ghp_token@example.org/a", "https://***@example.org/a"),
        ("https://me:p@ss@example.org/a", "https://***@example.org/a"),
        ("https://x.org/?private_token=s3cret&page=1", "https://x.org/?private_token=***&page=1"),
        ("https://x.org/m?X-Amz-Signature=12ab&v=1", "https://x.org/m?X-Amz-Signature=***&v=1"),
        ("Authorization: Bearer abcdefgh.ijk", "Authorization: Bearer ***"),
        ("serve --password=hunter2 x", "serve --password=*** x"),
        ("serve --api-key k3y -x", "serve --api-key *** -x"),
        ("AWS_SECRET_ACCESS_KEY='a b' run", "AWS_SECRET_ACCESS_KEY=*** run"),
        ("curl -H 'PRIVATE-TOKEN: glpat-1' u", "curl -H 'PRIVATE-TOKEN: ***' u"),
        ("a: held by pid 3 (x --token=***), user root", "a: held by pid 3 (x --token=***), user root"),
        ("serve --max-tokens=2048 --tokenizer=/m/t.json", "serve --max-tokens=2048 --tokenizer=/m/t.json"),
        ("o.toml: token: no such option", "o.toml: token: no such option"),
        ("me@example.org at /models/a@b/c.gguf", "me@example.org at /models/a@b/c.gguf"),
    ],
)
def test_what_is_taken_out(text: str, shown: str):
    assert redacted(text) == shown


@given(user=WORD, password=WORD, token=WORD)
def test_no_credential_stays(user: str, password: str, token: str):
    shown = redacted(f"git+https://{user}:{password}@host.example/p?access_token={token}&x=1, then")
    assert shown == "git+https://***@host.example/p?access_token=***&x=1, then"


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["x", "--password=a b c", "--flag"], "x --password=*** --flag"),
        (["x", "--token", "a b", "y"], "x --token *** y"),
        (["x", "--token", "--flag"], "x --token --flag"),
        (["sh", "-c", "mysql --password=z; ls https://u:p@h/"], "sh -c mysql --password=***; ls https://***@h/"),
        ([], ""),
    ],
)
def test_a_command_line(arguments: list[str], shown: str):
    assert redacted_command(arguments) == shown


@given(st.lists(st.sampled_from(["--token=", "a", " ", "'", '"', "://", "@", ":", "-", "password", "\0", "***"])))
def test_twice_is_as_once(parts: list[str]):
    once = redacted("".join(parts))
    assert redacted(once) == once


def test_provenance_is_recorded_without_credentials():
    found = provenance("/", {"CI_JOB_URL": "https://me:hunter2@ci.example/job/7?token=abc"})
    assert found["pipeline"] == "https://***@ci.example/job/7?token=***"
