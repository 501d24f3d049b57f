"""The README does what it says."""

import re
from pathlib import Path

import pytest

from rnnviz import checkpoints

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_a_snippet_runs(snippet):
    exec(compile(snippet, "README.md", "exec"), {})


def test_the_table_of_networks_is_what_the_files_say():
    rows = re.search(r"<!-- networks -->\n(.*?)<!-- /networks -->", README, re.DOTALL)[1].strip().splitlines()
    wanted = []
    for name in checkpoints.names():
        card, network = checkpoints.card(name), checkpoints.load(name)
        mnist, uci = card.accuracy["mnist"], card.accuracy["uci"]
        wanted.append(f"| `{name}` | {network.cell} | {network.num_parameters:,} | {mnist:.2%} | {uci:.2%} |")
    assert rows[2:] == wanted  # below the head of the table


def test_the_table_of_presets_is_what_the_code_says():
    from rnnviz.training.presets import PRESETS

    text = (ROOT / "docs/training.md").read_text("utf-8")
    rows = re.search(r"<!-- presets -->\n(.*?)<!-- /presets -->", text, re.DOTALL)[1].strip().splitlines()
    wanted = []
    for name, (config, kind, source, better) in PRESETS.items():
        size = f"{config.num_layers} × {config.hidden_size}{' shared' if config.shared else ''}"
        how = f"{config.optimiser}, {config.schedule} {config.learning_rate:g}, batch {config.batch_size}"
        beside = f"`{better}`" if better else ""
        origin = f"{kind} {source}".strip()
        wanted.append(f"| `{name}` | {origin} | {config.cell} | {size} | {how} | {config.epochs} | {beside} |")
    assert rows[2:] == wanted  # below the head of the table


def test_the_commands_name_files_and_options_that_exist():
    from click.testing import CliRunner

    from rnnviz.__main__ import main

    assert (ROOT / "requirements-dev.txt").is_file()
    for command, option in (("serve", "--address"), ("train", "--preset"), ("train", "--folds")):
        assert option in CliRunner().invoke(main, [command, "--help"]).output
