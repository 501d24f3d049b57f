"""Delayed recall: what is trained, what came of it, and the recording that is shipped."""

import json
import shlex
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors import safe_open
from safetensors.numpy import save_file

from rnnviz import __main__ as command_line
from rnnviz import measures
from rnnviz.digits import as_sequences
from rnnviz.trace import record
from rnnviz.training import recall, runs
from rnnviz.training.config import Config, Refused
from rnnviz.training.data import open_data, split
from rnnviz.training.recall import LEARNERS, RecordingError
from tests.made_runs import at_work, made, runs_here  # noqa: F401

SMALL = {"blank": 5, "updates": 20, "dataset": "uci"}


@pytest.fixture
def home(runs_here):  # noqa: F811
    return runs_here


def group(learners=("rnn", "lstm-5"), seeds: int = 2, state: str = "finished", **changes) -> list[runs.Run]:
    """Make a group of runs in that state."""
    configs = recall.configs(learners, 3, seeds, **SMALL)
    id, found = runs.new_id(), []
    for index, config in enumerate(configs):
        member = runs.Group(id, "recall", index, len(configs), "", {"seed": config.seed})
        found.append(made(state, config, group=member, preset=None, id=f"{id}-{index + 1:02}", **changes))
    return found


# ---- What is trained


def test_every_learner_trains_with_every_seed_the_first_seed_of_all_first():
    found = recall.configs(first_seed=7, seeds=2)
    assert [recall.learner_of(config) for config in found] == [*LEARNERS, *LEARNERS]
    assert [config.seed for config in found] == [7] * 6 + [8] * 6
    for config in found:
        assert config.learning_rate == (1e-3 if config.cell == "rnn_tanh" else 1e-2)
        assert (config.steps, config.updates, config.hidden_size, config.batch_size) == (56, 500, 64, 64)
        assert (config.schedule, config.clip, config.watch, config.dataset) == ("constant", 1.0, "validation", "mnist")


@pytest.mark.parametrize("dataset", ["mnist", "uci"])
@pytest.mark.parametrize("updates", [10, 500, 3000])
def test_the_updates_asked_for_are_made_whatever_the_data(dataset, updates):
    (config,) = recall.configs(["gru"], seeds=1, updates=updates, dataset=dataset)
    assert config.updates == updates
    assert updates / config.film_every <= 60


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(Refused, match="delay must be an integer"):
        recall.configs(blank=9999)
    with pytest.raises(KeyError, match="learner must be one of rnn, rnn-orthogonal, .* Got 'cnn'"):
        recall.configs(["cnn"])


def test_other_settings_are_no_learner():
    assert recall.learner_of(Config(cell="lstm", forget_bias=2.0)) is None
    assert recall.learner_of(Config(cell="peephole_lstm")) is None
    assert recall.learner_of(Config(cell="lstm", forget_bias=5.0, seed=9, delay=3)) == "lstm-5"


@pytest.mark.parametrize(
    "asked",
    [{}, {"learners": ["lstm", "gru"], "seeds": 1, "first_seed": 12}, {"blank": 84, "rate_rnn": 1e-4, "updates": 900}],
)
def test_a_command_means_the_settings_that_it_was_made_from(asked, monkeypatch):
    started = []
    monkeypatch.setattr(command_line, "_require_torch", lambda: None)
    monkeypatch.setattr(recall, "configs", lambda *asked: started.extend(asked) or [])
    words = shlex.split(recall.command(**asked))
    assert words[:4] == ["python", "-m", "rnnviz", "recall"]
    CliRunner().invoke(command_line.main, words[3:])
    usual = {
        "learners": tuple(LEARNERS), "first_seed": 0, "seeds": 3, "blank": 28, "rate_rnn": 1e-3, "rate_gated": 1e-2,
        "updates": 500,
    }  # fmt: skip
    expected = [tuple(value) if name == "learners" else value for name, value in (usual | asked).items()]
    assert started[:-1] == expected


# ---- What came of it


def test_a_result_is_what_lies_in_the_runs_folder(home):
    run = group()[1]
    found = recall.result(run)
    rows = [row for row in run.metrics if "accuracy" in row]
    assert (found.learner, found.config, found.state) == ("lstm-5", run.config, "finished")
    np.testing.assert_array_equal(found.measured, [row["step"] for row in rows])
    np.testing.assert_allclose(found.accuracy, [row["accuracy"] for row in rows])
    np.testing.assert_array_equal(found.steps, run.film.frames["step"])
    np.testing.assert_array_equal(found.norms["c"], run.film.frames["grad_c"])
    np.testing.assert_array_equal(found.rows, np.arange(33))
    assert found.reached == found.test
    assert found.learned == (found.test >= 0.5)


@pytest.mark.parametrize("state", ["running", "stopped", "failed", "queued"])
def test_before_its_end_a_network_has_the_last_accuracy_measured_and_no_test_accuracy(home, state):
    (run,) = group(["gru"], 1, state)
    found = recall.result(run)
    assert found.test is None
    assert found.state == ("lost" if state == "running" else state)
    assert found.reached == (found.accuracy[-1] if len(found.accuracy) else None)
    if state == "running":
        with at_work(run):
            assert recall.result(run).state == "running"


def test_of_a_run_that_is_gone_unreadable_or_of_another_kind_nothing_came(home):
    (run,) = group(["gru"], 1)
    other = made("queued", Config(cell="peephole_lstm", dataset="uci", validation=9))
    assert recall.result(other) is None
    (run.folder / "config.json").write_text("{")
    assert recall.result(run) is None
    assert recall.result(runs.Run(runs.new_id())) is None


def test_a_damaged_film_is_none(home):
    (run,) = group(["gru"], 1)
    (run.folder / "film" / "film.bin").write_bytes(b"nonsense")
    found = recall.result(run)
    assert found.norms == {}
    assert len(found.steps) == 0
    assert found.reached is not None


def test_norms_are_those_of_the_network_at_that_update(home):
    """A real run, its last frame against `record` of the network that came of it."""
    from rnnviz import checkpoints
    from rnnviz.training import worker

    (config,) = recall.configs(["lstm-5"], seeds=1, blank=3, updates=12, dataset="uci")
    (run,) = runs.create_group([config], "recall")
    assert worker.main(run.folder, own_process=False) == 0
    found = recall.result(run)
    assert (found.state, found.step) == ("finished", 12)
    np.testing.assert_array_equal(found.steps, [0, 10, 12])
    np.testing.assert_array_equal(found.measured, [12])
    known = open_data(config).training
    probes = known.at(split(config, known.labels)[1][: worker.PROBES])
    network = checkpoints.load(f"run:{run.id}")
    sequences = as_sequences(probes.images, "rows", 3) / 255
    for state in ("h", "c"):
        norms = [
            measures.gradient_norms(record(network, x, int(label)), state, relative=True)
            for x, label in zip(sequences, probes.labels, strict=True)
        ]
        # The file's weights are rounded to half precision, those that were filmed are not.
        np.testing.assert_allclose(found.norms[state][-1], np.median(norms, axis=0), atol=0.02)


# ---- The recording

ABOUT = {"command": "python -m rnnviz recall", "made": "2026-11-21", "device": "cpu", "torch": "2.15.0"}


@pytest.fixture
def written(home, tmp_path):
    results = [recall.result(run) for run in group(frames=90)]
    path = tmp_path / "recording.safetensors"
    recall.write_recording(results, path, **ABOUT)
    return path, results


def test_a_recording_gives_back_what_was_written(written):
    path, results = written
    found = recall.recorded(path)
    assert {name: getattr(found, name) for name in ABOUT} == ABOUT
    assert len(found.results) == len(results) == 4
    for one, other in zip(found.results, results, strict=True):
        for name in ("learner", "config", "state", "reason", "step", "device", "test"):
            assert getattr(one, name) == getattr(other, name)
        assert one.seconds == pytest.approx(other.seconds, abs=0.1)
        np.testing.assert_array_equal(one.measured, other.measured)
        np.testing.assert_array_equal(one.accuracy, other.accuracy)
        kept = np.isin(other.steps, one.steps)
        for state, norms in other.norms.items():
            np.testing.assert_allclose(one.norms[state], norms[kept], rtol=1e-3, atol=1e-3)


def test_films_are_thinned_and_keep_their_ends(home, tmp_path):
    (config,) = recall.configs(["gru"], seeds=1, blank=0, updates=400, dataset="uci")
    result = recall.result(made("finished", config, frames=200, preset=None))
    assert len(result.steps) == 200
    recall.write_recording([result], tmp_path / "a.safetensors", **ABOUT)
    (found,) = recall.recorded(tmp_path / "a.safetensors").results
    assert 50 < len(found.steps) <= recall.MAX_FRAMES
    assert (found.steps[0], found.steps[-1]) == (0, 400)


def test_exact_zeros_and_what_nobody_knows_are_kept_apart(home, tmp_path):
    result = recall.result(group(["gru"], 1)[0])
    norms = np.array(result.norms["h"])
    norms[0, :3] = -np.inf, np.nan, -320.5
    recall.write_recording([replace(result, norms={"h": norms})], tmp_path / "a.safetensors", **ABOUT)
    (found,) = recall.recorded(tmp_path / "a.safetensors").results
    np.testing.assert_array_equal(found.norms["h"][0, :3], [-np.inf, np.nan, -320.5])


def damaged(path, spoil) -> None:
    """Write the recording again with its parts spoilt: spoil(tensors, about, told, metadata)."""
    with safe_open(path, framework="numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = dict(file.metadata())
    about, told = json.loads(metadata["about"]), json.loads(metadata["runs"])
    changed = spoil(tensors, about, told)
    values = {"about": json.dumps(about), "runs": json.dumps(told)}
    save_file(tensors, path, metadata | values | (changed if isinstance(changed, dict) else {}))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda tensors, about, told: {"format": "rnnviz-1"}, "must be a recording of format rnnviz-recall-1"),
        (lambda tensors, about, told: {"runs": "[" * 5000}, "must hold runs that can be"),
        (lambda tensors, about, told: {"runs": "{}"}, "a recording's runs must be a list. Got dict"),
        (lambda tensors, about, told: about.pop("made"), "must tell its command, made, device, torch as text"),
        (lambda tensors, about, told: told.clear(), "must hold 1 to 36 runs. Got 0"),
        (lambda tensors, about, told: told.extend(told * 9), "must hold 1 to 36 runs. Got 40"),
        (lambda tensors, about, told: told[0].pop("test"), "must hold runs that can be. In it 'test'"),
        (lambda tensors, about, told: told[0].update(test=1.5), "run 0's test accuracy must lie from 0 to 1. Got 1.5"),
        (lambda tensors, about, told: told[0].update(learner="gru"), "run 0's learner must be that of its settings"),
        (lambda tensors, about, told: told[1].update(state="gone"), "run 1's state must be one of queued, running"),
        (lambda tensors, about, told: told[1].update(reason=3), "run 1's state must be"),
        (lambda tensors, about, told: told[1].update(step=-1), "run 1's step must be a number from 0. Got -1"),
        (lambda tensors, about, told: told[0]["config"].update(epochs=0), "In it epochs must be an integer"),
        (lambda tensors, about, told: told[0]["config"].update(delay=50), r"run 0's h must be F16 \[21, 39\]"),
        (lambda tensors, about, told: tensors.pop("0.steps"), "cannot be read|must hold runs"),
        (lambda tensors, about, told: tensors.update({"0.x": np.zeros(2)}), "run 0 must have accuracy, h, measured"),
        (lambda tensors, about, told: tensors["0.steps"].fill(3), "run 0's steps must be updates that ascend"),
        (lambda tensors, about, told: tensors["0.accuracy"].fill(7), "run 0's accuracy must lie from 0 to 1"),
        (lambda tensors, about, told: tensors["0.accuracy"].fill(np.nan), "run 0's accuracy must lie from 0 to 1"),
        (lambda tensors, about, told: tensors["0.h"].fill(np.inf), "run 0's norms must be finite, zero or unknown"),
        (lambda tensors, about, told: tensors.update({"0.c": tensors["0.h"]}), "of a state that it has"),
        (lambda tensors, about, told: tensors.update({"0.h": np.zeros((4, 4))}), "run 0's h must be F16"),
    ],
)
def test_a_recording_that_is_not_sound_is_refused_in_words(written, spoil, words):
    path, _ = written
    damaged(path, spoil)
    with pytest.raises(RecordingError, match=words):
        recall.recorded(path)


@pytest.mark.parametrize("data", [b"", b"nonsense", b"x" * 100])
def test_a_file_that_is_none_is_refused(tmp_path, data):
    path = tmp_path / "a.safetensors"
    path.write_bytes(data)
    with pytest.raises(RecordingError, match=r"a\.safetensors must be a whole \.safetensors file"):
        recall.recorded(path)


def test_a_file_that_would_fill_a_machine_is_not_read(written):
    path, _ = written
    with open(path, "ab") as file:
        file.truncate(recall.MAX_BYTES + 1)
    with pytest.raises(RecordingError, match="a recording must have at most 1,048,576 bytes"):
        recall.recorded(path)


def test_a_full_disk_leaves_the_old_recording(written, monkeypatch):
    path, results = written
    before = path.read_bytes()

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(recall.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        recall.write_recording(results[:1], path, **ABOUT)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.glob("*.partial")] == []


def test_the_shipped_recording_is_whole_small_and_honest():
    found = recall.recorded()
    assert recall.RECORDING.stat().st_size < 400_000
    assert found.command == recall.command()
    assert [each.config for each in found.results] == recall.configs()
    for each in found.results:
        assert (each.state, each.step) == ("finished", 500)
        assert each.steps.tolist() == list(range(0, 501, 10))
        assert each.measured.tolist() == list(range(25, 501, 25))
        assert (each.norms["h"][:, -1] == 0).all()  # relative to the last step
        assert ("c" in each.norms) == (each.config.cell == "lstm")
    learned = {name: sum(each.learned for each in found.results if each.learner == name) for name in LEARNERS}
    assert learned["lstm-5"] == 3
    assert learned["rnn"] == learned["lstm"] == 0  # failures are in it as well


# ---- The command line


@pytest.fixture
def ended(home, monkeypatch):
    """Let every run that waits end at once; gives what the next ones' states are to be."""
    from rnnviz.digits import mnist
    from rnnviz.training import dispatch
    from tests import made_runs

    end = {"state": "finished"}

    def ensure() -> None:
        for run in runs.waiting():
            config = run.config
            made_runs.write_metrics(run, config, config.updates, 10)
            if end["state"] == "finished":
                made_runs.write_model(run, config, 1.0, None)
            made_runs.write_film(run, config, config.updates, 12)
            with run.hold():
                values = {"steps": config.updates, "step": config.updates, "seconds": 3.0, "device": "cpu"} | end
                run.write_state(replace(run.state, **values))

    monkeypatch.setattr(dispatch, "ensure", ensure)
    monkeypatch.setattr(command_line, "LOOK", 0.01)
    monkeypatch.setattr(mnist, "_folders", lambda: [home / "no-mnist"])
    return end


def told(*words: str):
    return CliRunner().invoke(command_line.main, ["recall", "--learner", "rnn", "--learner", "lstm-5", *words])


def test_the_command_trains_a_group_and_tells_every_networks_accuracy(ended):
    result = told("--seeds", "2", "--seed", "4", "--blank", "3", "--updates", "20", "--rate-rnn", "0.002")
    assert result.exit_code == 0, result.output
    made = sorted(runs.listed(), key=lambda run: run.id)
    assert [run.plan.group.kind for run in made] == ["recall"] * 4
    assert [run.config.learning_rate for run in made] == [0.002, 0.01] * 2
    assert "the bundled digits are read" in result.output
    table = result.output.splitlines()[-3:]
    assert table[0].split() == ["network", "seed", "4", "seed", "5", "learned"]
    for name, line, own in zip(("rnn", "lstm-5"), table[1:], (made[::2], made[1::2]), strict=True):
        assert line.split()[:3] == [name, *(f"{recall.result(run).test:.2%}" for run in own)]
        assert line.endswith("2 of 2")


def test_failures_are_told_as_failures(ended):
    ended |= {"state": "failed", "reason": "diverged"}
    result = told("--seeds", "1")
    assert result.exit_code == 1
    assert result.output.splitlines()[-2].split() == ["rnn", "diverged", "0", "of", "1"]
    ended |= {"state": "stopped", "reason": "", "step": 7}
    assert told("--seeds", "1").output.splitlines()[-1].split() == ["lstm-5", "stopped", "at", "500", "1", "of", "1"]


def test_the_command_writes_a_recording(ended, tmp_path):
    result = told("--seeds", "1", "--blank", "3", "--updates", "20", "--export", str(tmp_path / "a.safetensors"))
    assert result.exit_code == 0, result.output
    found = recall.recorded(tmp_path / "a.safetensors")
    expected = "python -m rnnviz recall --learner rnn --learner lstm-5 --seeds 1 --blank 3 --updates 20"
    assert (found.command, found.device, len(found.results)) == (expected, "cpu", 2)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--learner", "cnn"], "must be one of rnn, rnn-orthogonal, gru, lstm, lstm-1, lstm-5. Got 'cnn'"),
        (["--seeds", "6"], "6 is not in the range 1<=x<=5"),
        (["--blank", "-1"], "delay must be an integer from 0 to 784. Got -1"),
        (["--rate-rnn", "0"], "learning_rate must be a number"),
        (["--updates", "-1"], "-1 is not in the range x>=1"),
        (["--export", "a.zip"], "--export must name a .safetensors file"),
        (["--export", "a.safetensors", "--detach"], "--export must name a .safetensors file, without --detach"),
    ],
)
def test_what_cannot_be_is_answered_in_words_and_nothing_is_queued(ended, words, says):
    result = CliRunner().invoke(command_line.main, ["recall", *words])
    assert result.exit_code == 2
    assert says in " ".join(result.output.split())
    assert not runs.listed()


def test_a_command_that_does_not_wait_names_its_runs(ended, monkeypatch):
    result = told("--seeds", "1", "--detach")
    assert result.exit_code == 0
    for run in runs.listed():
        learner = recall.learner_of(run.config)
        assert f"{run.id}  recall, 28 blank rows ({learner}, seed 0)" in result.output


def test_the_documentation_tells_the_numbers_of_the_shipped_recording():
    text = (recall.checkpoints.SHIPPED.parent / "docs" / "training.md").read_text("utf-8")
    table = text.partition("<!-- recall -->\n")[2].partition("<!-- /recall -->")[0]
    lines = []
    for name in LEARNERS:
        shares = [each.test for each in recall.recorded().results if each.learner == name]
        lines.append(f"| `{name}` | {' | '.join(f'{100 * share:.2f} %' for share in shares)} |\n")
    assert table == "".join(lines)
