"""The scripts for shells: each completes words in its shell."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli_client.program import COMMAND
from tests.faults.cluster import clean_environment

pytestmark = pytest.mark.databases("sqlite")

BASH = """
eval "$(lineal completion bash)"
COMP_WORDS=($1); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE="$1"; COMP_POINT=${#1}
_lineal_completion lineal "${COMP_WORDS[$COMP_CWORD]}" "${COMP_WORDS[$COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""
FISH = """
lineal completion fish | source
complete --do-complete "$argv[1]"
"""
ZSH = """
compdef() { }
_describe() { print -rl -- ${(P)3} }
compadd() { print -rl -- ${(P)argv[-1]} }
eval "$(lineal completion zsh)"
words=(${(z)1}); CURRENT=${#words}
_lineal_completion
"""
# What zsh itself does with completions needs a terminal: here they are printed.


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A folder with a program `lineal`, as an installation has it."""
    program = tmp_path / "bin" / "lineal"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {" ".join(COMMAND)} "$@"\n')
    program.chmod(0o755)
    return program.parent


def completed(script: Path, *command: str) -> str:
    """What a shell prints that can find the program."""
    environment = clean_environment({"PATH": f"{script}:{os.environ['PATH']}", "HOME": str(script), "TERM": "xterm"})
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


WORDS = [
    ("lineal ru", {"runs"}),
    ("lineal runs a", {"archive"}),
    ("lineal runs list -o j", {"json"}),
    ("lineal runs list --vi", {"--view"}),
    ("lineal completion z", {"zsh"}),
]


@pytest.mark.parametrize(("line", "words"), WORDS)
def test_bash_completes(script: Path, line: str, words: set[str]) -> None:
    assert set(completed(script, "bash", "--norc", "-c", BASH, "bash", line).split()) == words


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes(script: Path) -> None:
    for line, words in WORDS:
        printed = completed(script, "fish", "--no-config", "-c", FISH, line)
        assert {each.split("\t")[0] for each in printed.splitlines()} == words


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_completes(script: Path) -> None:
    for line, words in WORDS:
        printed = completed(script, "zsh", "-f", "-c", ZSH, "zsh", line)
        assert {each.partition(":")[0] for each in printed.splitlines()} == words


def test_another_shell_is_wrong_usage(script: Path) -> None:
    done = subprocess.run([script / "lineal", "completion", "tcsh"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
