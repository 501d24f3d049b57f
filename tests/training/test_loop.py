"""The training loop on the bundled digits, which need no download."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from rnnviz import checkpoints, initial, learn, upscaling
from rnnviz.digits import as_sequences, uci
from rnnviz.trace import record_many
from rnnviz.training import generations, loop, objectives, worker
from rnnviz.training.config import Config
from rnnviz.training.data import Part
from rnnviz.training.loop import Diverged, Trainer, rates, train

TINY = Config(cell="gru", hidden_size=32, epochs=10, batch_size=64, validation=297)
QUICK = Config(cell="rnn_tanh", hidden_size=8, epochs=3, batch_size=50, validation=0)


@pytest.fixture(scope="module")
def digits():
    return uci.uci()


@pytest.fixture(autouse=True)
def one_thread():
    with loop.one_thread():
        yield


@pytest.fixture(scope="module")
def trained(digits):
    seen = []
    network, history = train(TINY, digits.images, digits.labels, seen.append)
    return network, history, seen


def part(digits, first: int, last: int) -> Part:
    return Part(digits.images[first:last], digits.labels[first:last].astype(np.int64))


def rows_of(trainer: Trainer, between=lambda: None, into: list | None = None) -> list:
    """Train to the end with a row after every update, and return the rows; `into` has them after an error as well."""
    into = [] if into is None else into
    for _ in trainer.updates(between):
        into.append(trainer.row())
    return into


# ---- Learning


def test_a_tiny_network_learns(trained):
    network, history, _ = trained
    assert history[-1].score > 0.8
    assert history[-1].loss < 0.6 * history[0].loss
    assert network.cell == "gru"
    assert network.hidden_size == 32


def test_the_accuracy_is_that_of_the_network_in_numpy(trained, digits):
    network, history, _ = trained
    answers = record_many(network, digits.images[-297:], ("logits",))["logits"][:, -1].argmax(axis=1)
    assert (answers == digits.labels[-297:]).mean() == history[-1].score


def test_every_update_of_a_short_training_is_reported(trained):
    _, history, rows = trained
    assert [row.step for row in rows] == list(range(1, 241))  # 1,500 digits in batches of 64, ten times
    assert [row.step for row in rows if row.score is not None] == [24 * k for k in range(1, 11)]
    assert [row.score for row in rows if row.score is not None] == [epoch.score for epoch in history]
    assert [epoch.epoch for epoch in history] == list(range(1, 11))
    assert history[0].loss == pytest.approx(np.mean([row.loss for row in rows[:24]]))
    assert [row.epoch for row in rows[11:48:12]] == [0.5, 1.0, 1.5, 2.0]
    assert rows[-1].best == max(epoch.score for epoch in history)
    seconds = [row.seconds for row in rows]
    assert seconds == sorted(seconds)
    assert all(row.speed > 0 for row in rows)


def test_a_row_tells_the_mean_since_the_row_before(digits):
    every = {}
    for count in (1, 5):
        trainer = Trainer(QUICK, part(digits, 0, 500))
        trainer.row_every = count
        every[count] = [trainer.row() for _ in trainer.updates() if trainer.row_due]
    assert [row.step for row in every[5]] == list(range(5, 31, 5))
    for name in ("loss", "gradient_norm"):
        singly = np.array([getattr(row, name) for row in every[1]])
        assert [getattr(row, name) for row in every[5]] == pytest.approx(singly.reshape(-1, 5).mean(axis=1).tolist())


def test_rows_become_rarer_the_longer_the_training(digits):
    known = part(digits, 0, 100)
    counts = {}
    for batch_size, epochs in ((100, 10), (50, 900), (2, 600)):
        trainer = Trainer(replace(QUICK, dataset="uci", batch_size=batch_size, epochs=epochs), known)
        counts[trainer.steps] = trainer.row_every
    assert counts == {10: 1, 1800: 6, 30_000: 50}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"augment": True, "thickness": 0.5, "precision": "bfloat16", "cell": "lstm"},
        {"cell": "peephole_lstm_full", "optimiser": "sgd", "schedule": "constant", "clip": None},
    ],
)
def test_the_same_seed_gives_the_same_bits(digits, changes):
    config = Config(**{**TINY.to_dict(), "epochs": 1, **changes})
    (one, _), (two, _) = (train(config, digits.images, digits.labels) for _ in range(2))
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(two.arrays[name], array)


def test_another_seed_gives_another_network(digits):
    one, two = (train(replace(QUICK, seed=seed), digits.images, digits.labels)[0] for seed in (0, 1))
    assert not np.array_equal(one.arrays["head.weight"], two.arrays["head.weight"])


def test_what_is_held_back_is_not_trained_on(digits):
    spoiled = digits.labels.copy()
    spoiled[-1000:] = 0
    config = replace(QUICK, validation=1000)
    (one, _), (two, _) = (train(config, digits.images, labels) for labels in (digits.labels, spoiled))
    np.testing.assert_array_equal(one.arrays["rnn.weight_hh_l0"], two.arrays["rnn.weight_hh_l0"])


def test_torchs_random_numbers_and_threads_are_left_as_they_were(digits):
    torch.set_num_threads(2)
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    train(replace(QUICK, augment=True, epochs=1), digits.images[:64], digits.labels[:64])
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
@pytest.mark.parametrize("schedule", ["constant", "one_cycle", "cosine"])
def test_every_optimiser_learns_by_every_schedule(digits, optimiser, schedule):
    rate = 0.005 if optimiser == "adam" else 0.1
    config = replace(TINY, optimiser=optimiser, schedule=schedule, learning_rate=rate, epochs=4, hidden_size=16)
    _, history = train(config, digits.images, digits.labels)
    assert history[-1].loss < history[0].loss


def test_plain_gradient_descent_takes_the_gradient_times_the_rate(digits):
    config = replace(QUICK, optimiser="sgd", schedule="constant", clip=None, learning_rate=0.1, epochs=1)
    trainer = Trainer(config, part(digits, 0, 50))
    before = [p.detach().clone() for p in trainer.model.parameters()]
    for _ in trainer.updates():
        pass
    moved = math.sqrt(sum(((a - b) ** 2).sum().item() for a, b in zip(before, trainer.model.parameters(), strict=True)))
    assert moved == pytest.approx(0.1 * trainer.row().gradient_norm, rel=1e-5)


def test_the_gradient_norm_is_that_before_clipping(digits):
    config = replace(QUICK, optimiser="sgd", schedule="constant", learning_rate=1.0, epochs=1)
    norms = []
    for clip in (None, 1e-3):
        trainer = Trainer(replace(config, clip=clip), part(digits, 0, 50))
        before = [p.detach().clone() for p in trainer.model.parameters()]
        for _ in trainer.updates():
            norms.append(trainer.row().gradient_norm)
    assert norms[0] == norms[1] > 0.01
    moved = [((a - b) ** 2).sum().item() for a, b in zip(before, trainer.model.parameters(), strict=True)]
    assert math.sqrt(sum(moved)) == pytest.approx(1e-3, rel=1e-3)


# ---- Schedules


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 7, 10, 33, 1000])
def test_one_cycle_is_torchs_to_the_bit(steps):
    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.Adam([weight])
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.01, steps)
    ours = rates(Config(learning_rate=0.01), steps)
    for step in range(steps):
        group = optimiser.param_groups[0]
        assert ours(step) == (group["lr"], group["betas"][0])
        weight.grad = torch.zeros(1)
        optimiser.step()
        schedule.step()


def test_cosine_is_torchs():
    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.Adam([weight], lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 40)
    ours = rates(Config(learning_rate=0.01, schedule="cosine"), 40)
    for step in range(40):
        assert ours(step)[0] == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-9)
        weight.grad = torch.zeros(1)
        optimiser.step()
        schedule.step()
    assert ours(40)[0] == 0.0


@pytest.mark.parametrize("count", range(1, 9))
def test_any_number_of_updates_has_a_schedule(digits, count):
    config = Config(cell="rnn_tanh", hidden_size=2, epochs=1, batch_size=1, validation=0)
    _, history = train(config, digits.images[:count], digits.labels[:count])
    assert history[-1].score is None


# ---- What is read


@pytest.mark.parametrize("settings", [{}, {"delay": 5}, {"reading": "pixels"}, {"reading": "permuted"}])
def test_pictures_become_the_sequences_that_everyone_reads(digits, settings):
    config = Config(cell="rnn_tanh", hidden_size=4, validation=0, **settings)
    known = part(digits, 0, 8)
    trainer = Trainer(config, known)
    read = trainer._task.sequences(torch.tensor(known.images, device=trainer.device))
    expected = as_sequences(known.images, config.reading, config.delay) / np.float32(255)
    np.testing.assert_array_equal(read.cpu().numpy(), expected)
    assert trainer.network().input_size == config.input_size


def test_answers_are_those_of_the_network_in_numpy(digits):
    config = Config(cell="lstm", hidden_size=8, validation=0, delay=3)
    network = initial.network("lstm", hidden_size=8, seed=2)
    answers = Trainer(config, part(digits, 0, 8)).answers(network, digits.images[:300], lambda: None)
    predicted, confidence = answers["predicted"], answers["confidence"]
    probs = record_many(network, as_sequences(digits.images[:300], "rows", 3), ("probs",))["probs"][:, -1]
    assert predicted.dtype == np.uint8
    np.testing.assert_array_equal(predicted, probs.argmax(axis=1))
    np.testing.assert_allclose(confidence, probs.max(axis=1), atol=1e-5)


# ---- Stopping and going on

SETTINGS = {
    "augmented, the best kept": {"augment": True, "thickness": 0.5, "keep": "best", "cell": "gru"},
    "bfloat16": {"precision": "bfloat16", "cell": "lstm", "num_layers": 2},
    "measured within epochs": {"watch_every": 3, "cell": "rnn_tanh"},
    "gradient descent": {"optimiser": "sgd", "schedule": "cosine", "clip": None, "cell": "peephole_lstm"},
    "shared layers": {"num_layers": 2, "shared": True, "start": "one_hot", "cell": "layernorm_lstm", "delay": 2},
    "ended within an epoch": {"max_updates": 17, "watch_every": 5, "cell": "lstm", "delay": 3},
    "ended with an epoch": {"max_updates": 14, "cell": "rnn_tanh"},
}


def resumable(settings: str) -> Config:
    """Return settings of three epochs with seven updates each, the last of them a small one."""
    return Config(**{"hidden_size": 8, "epochs": 3, "batch_size": 32, "validation": 60} | SETTINGS[settings])


def parts(digits) -> tuple[Part, Part]:
    return part(digits, 0, 200), part(digits, 200, 260)


def said(rows: list) -> list:
    """Return what rows tell, but for the clock."""
    return [(row.step, row.loss, row.gradient_norm, row.learning_rate, row.score, row.best) for row in rows]


def gone_on(config: Config, digits, arrays, values) -> tuple[Trainer, list]:
    trainer = Trainer(config, *parts(digits))
    trainer.restore(arrays, values)
    return trainer, rows_of(trainer)


@pytest.mark.parametrize("settings", SETTINGS)
def test_training_goes_on_with_the_same_bits_from_any_update(digits, settings, tmp_path):
    config = resumable(settings)
    whole = Trainer(config, *parts(digits))
    rows = rows_of(whole)
    assert len(rows) == whole.steps == (config.max_updates or 21)
    for stop in sorted({min(stop, whole.steps) for stop in (0, 1, 3, 6, 7, 8, 13, 14, 16, 20, 21)}):
        first = Trainer(config, *parts(digits))
        updates = first.updates()
        before = [first.row() for _ in range(stop) if next(updates)]
        generations.write(tmp_path, *first.snapshot())
        ((arrays, values),), damaged = generations.read(tmp_path)
        (tmp_path / generations.LAST).unlink()
        assert not damaged
        second, after = gone_on(config, digits, arrays, values)
        assert said(before + after) == said(rows), stop
        for name, array in whole.network().arrays.items():
            np.testing.assert_array_equal(second.network().arrays[name], array)
        assert [(e.epoch, e.loss, e.score) for e in second.history] == [
            (e.epoch, e.loss, e.score) for e in whole.history
        ]
        assert second.kept_score == whole.kept_score


def test_a_training_stopped_when_every_score_was_an_accuracy_goes_on(digits):
    config = resumable("measured within epochs")
    whole, first = Trainer(config, *parts(digits)), Trainer(config, *parts(digits))
    rows, updates = rows_of(whole), first.updates()
    before = [first.row() for _ in range(9) if next(updates)]
    arrays, values = first.snapshot()
    values = values | {"accuracy": values["score"]}
    del values["score"]
    values["history"] = [each | {"accuracy": each["score"]} for each in values["history"]]
    for each in values["history"]:
        del each["score"]
    second, after = gone_on(config, digits, arrays, values)
    assert said(before + after) == said(rows)
    assert [epoch.score for epoch in second.history] == [epoch.score for epoch in whole.history]


# ---- Super-resolution

UPSCALING = Config(
    dataset="mnist_2x", cell="rnn_tanh", hidden_size=16, num_layers=2, delay=1, epochs=3, batch_size=32, validation=60
)


@pytest.mark.parametrize("delay", [0, 1, 2])
def test_an_update_has_the_loss_and_the_gradient_that_a_trace_has(digits, delay):
    config = replace(UPSCALING, delay=delay, clip=None)
    trainer = Trainer(config, part(digits, 0, 5))
    network = trainer.network()
    traces = [upscaling.record(network, image / 255, delay) for image in digits.images[:5]]
    gradients = [learn.gradients(network, trace) for trace in traces]
    next(trainer.updates())
    row = trainer.row()
    near = 1e-5 if trainer.device.type == "cpu" else 5e-3  # cuDNN: TF32
    assert row.loss == pytest.approx(np.mean([trace.loss for trace in traces]), rel=near)
    theirs = {name: parameter.grad.cpu().numpy() for name, parameter in trainer.model.named_parameters()}
    assert theirs.keys() == gradients[0].keys()
    for name, gradient in theirs.items():
        ours = np.mean([each[name] for each in gradients], axis=0)
        np.testing.assert_allclose(gradient, ours, rtol=0, atol=near * np.abs(ours).max(), err_msg=name)


@pytest.mark.parametrize("delay", [0, 1])
def test_a_picture_that_is_met_exactly_has_the_most_decibels_that_a_card_may_tell(digits, delay, tmp_path):
    task = objectives.Upscaling(replace(UPSCALING, delay=delay), 28, 28, torch.device("cpu"))
    images = torch.tensor(digits.images[:2])
    outputs = torch.tensor(upscaling.targets(digits.images[:2].astype(np.float32) / 255, delay))
    outputs[1] += 0.1
    answers = {name: tensor.numpy() for name, tensor in task.answers(outputs, images).items()}
    exact, near = answers["psnr"]
    assert exact == checkpoints.MOST_DECIBELS
    assert 20 <= near < 30  # a tenth too much, and what is beyond white is cut off
    told = worker.judged("mnist", part(digits, 0, 2), answers, 0)
    path, network = tmp_path / "model.safetensors", initial.network("rnn_tanh", 14, 4, 1, 56)
    checkpoints.save(network, path, checkpoints.Card("exact", "rnn_tanh", task="upscale", **told))
    assert checkpoints.card(path).psnr["mnist"] == pytest.approx((exact + near) / 2)


def test_while_it_learns_the_mean_psnr_of_what_is_held_back_is_measured(digits):
    network, history = train(UPSCALING, digits.images[:300], digits.labels[:300])
    held = digits.images[240:300] / 255
    written = upscaling.upscale(network, upscaling.halve(held), UPSCALING.delay)
    assert history[-1].score == pytest.approx(upscaling.psnr(written, held).mean(), abs=1e-3)  # cuDNN: TF32
    assert history[-1].score > history[0].score
    assert history[-1].loss < history[0].loss


def test_the_weights_with_the_best_psnr_are_kept_and_training_goes_on_with_the_same_bits(digits):
    config = replace(UPSCALING, keep="best", learning_rate=0.1, watch_every=2, augment=True)
    whole = Trainer(config, *parts(digits))
    rows = rows_of(whole)
    measured = [row.score for row in rows if row.score is not None]
    assert whole.best == whole.kept_score == max(measured)
    first = Trainer(config, *parts(digits))
    updates = first.updates()
    before = [first.row() for _ in range(9) if next(updates)]
    second, after = gone_on(config, digits, *first.snapshot())
    assert said(before + after) == said(rows)
    for name, array in whole.network().arrays.items():
        np.testing.assert_array_equal(second.network().arrays[name], array)


def test_pictures_that_explode_end_the_training(digits):
    start = {"cell": "rnn_relu", "recurrent": "identity", "gain": 3.0}
    config = replace(UPSCALING, optimiser="sgd", learning_rate=10.0, clip=None, schedule="constant", **start)
    with pytest.raises(Diverged, match="learning_rate below 10"):
        train(config, digits.images[:300], digits.labels[:300])


def test_pictures_of_an_odd_height_cannot_be_halved(digits):
    with pytest.raises(ValueError, match=r"images must be the large ones, of an even height and width. Got"):
        train(UPSCALING, digits.images[:100, :27], digits.labels[:100])


class Enough(Exception):
    """Someone wants the training to end."""


@pytest.mark.parametrize("place", [0, 5, 12, 13, 14, 27, 39])
def test_it_may_end_in_the_middle_of_augmenting_and_of_measuring(digits, place):
    config = resumable("augmented, the best kept")
    whole = Trainer(config, *parts(digits))
    rows = rows_of(whole)
    first, calls, before = Trainer(config, *parts(digits)), [], []

    def between():
        calls.append(1)
        if len(calls) > place:
            raise Enough

    with pytest.raises(Enough):
        rows_of(first, between, before)
    second, after = gone_on(config, digits, *first.snapshot())
    assert said(before + after)[-5:] == said(rows)[-5:]
    assert [(e.epoch, e.loss) for e in second.history] == [(e.epoch, e.loss) for e in whole.history]
    for name, array in whole.network().arrays.items():
        np.testing.assert_array_equal(second.network().arrays[name], array)


def test_a_limit_ends_the_training_exactly_there_measured_and_with_its_last_epoch_told(digits):
    config = replace(resumable("ended within an epoch"), watch_every=0)
    trainer = Trainer(config, *parts(digits))
    rows = rows_of(trainer)
    assert [row.step for row in rows] == list(range(1, 18))
    assert rows[-1].epoch == 17 / 7
    assert [row.step for row in rows if row.score is not None] == [7, 14, 17]
    assert trainer.kept_score == rows[-1].score
    assert [epoch.epoch for epoch in trainer.history] == [1, 2, 3]
    assert trainer.history[-1].loss == pytest.approx(np.mean([row.loss for row in rows[14:]]))
    assert trainer.history[-1].score == rows[-1].score
    assert list(trainer.updates()) == []


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine"])
def test_a_schedule_spans_the_updates_that_are_made(digits, schedule):
    config = replace(resumable("ended within an epoch"), schedule=schedule)
    rows = rows_of(Trainer(config, *parts(digits)))
    whole = rates(config, 17)
    assert [row.learning_rate for row in rows] == [whole(step)[0] for step in range(17)]
    assert rows[-1].learning_rate < 0.02 * config.learning_rate


def test_a_limit_beyond_the_last_epoch_changes_nothing(digits):
    config = resumable("gradient descent")
    usual, limited = (Trainer(replace(config, max_updates=most), *parts(digits)) for most in (0, 500))
    assert said(rows_of(limited)) == said(rows_of(usual))


def test_a_row_that_was_interrupted_is_finished(digits):
    config = resumable("measured within epochs")
    whole = Trainer(config, *parts(digits))
    whole.row_every = 5
    rows = [whole.row() for _ in whole.updates() if whole.row_due]
    first = Trainer(config, *parts(digits))
    first.row_every = 5
    updates = first.updates()
    before = [first.row() for _ in range(8) if next(updates) and first.row_due]
    second = Trainer(config, *parts(digits))
    second.row_every = 5
    second.restore(*first.snapshot())
    assert said(before + [second.row() for _ in second.updates() if second.row_due]) == said(rows)


def test_the_time_counts_over_all_attempts(digits):
    first = Trainer(QUICK, part(digits, 0, 100))
    for _ in first.updates():
        pass
    spent = first.seconds
    second = Trainer(QUICK, part(digits, 0, 100))
    second.restore(*first.snapshot())
    assert second.seconds == first.seconds == spent > 0  # nothing counts before and after


@pytest.mark.parametrize("changes", [{"hidden_size": 9}, {"cell": "gru"}, {"batch_size": 10}])
def test_a_snapshot_of_other_settings_is_refused_and_changes_nothing(digits, changes):
    saved = Trainer(QUICK, part(digits, 0, 100)).snapshot()
    other = Trainer(replace(QUICK, **changes), part(digits, 0, 100))
    before = other.network()
    with pytest.raises((KeyError, ValueError)):
        other.restore(*saved)
    for name, array in before.arrays.items():
        np.testing.assert_array_equal(other.network().arrays[name], array)
    assert other.step == 0


def without(name: str):
    return lambda arrays, values: arrays.pop(name)


@pytest.mark.parametrize(
    "spoil",
    [
        without("random"),
        without("best.head.bias"),
        without("exp_avg_sq.head.bias"),
        lambda arrays, values: arrays.update({"best.head.bias": np.zeros(3, np.float32)}),
        lambda arrays, values: arrays.update({"exp_avg.head.bias": np.zeros(3, np.float32)}),
        lambda arrays, values: arrays.update({"step.head.bias": np.zeros(3, np.float32)}),
        lambda arrays, values: arrays.update({"weights.head.bias": np.zeros(10, np.int64)}),
        lambda arrays, values: arrays.update({"random": np.zeros(3, np.uint8)}),
        lambda arrays, values: values.pop("row"),
        lambda arrays, values: values.update({"colour": "blue"}),
        lambda arrays, values: values.update({"step": "x"}),
        lambda arrays, values: values.update({"step": 99}),
        lambda arrays, values: values.update({"seconds": None}),
        lambda arrays, values: values.update({"row": [1.0]}),
        lambda arrays, values: values.update({"history": [{"epoch": 1}]}),
    ],
)
def test_a_snapshot_that_cannot_be_is_refused_and_changes_nothing(digits, spoil):
    config = replace(QUICK, keep="best", validation=60)
    first = Trainer(config, part(digits, 0, 100), part(digits, 100, 160))
    updates = first.updates()
    for _ in range(3):
        next(updates)
    arrays, values = first.snapshot()
    spoil(arrays, values)
    other = Trainer(config, part(digits, 0, 100), part(digits, 100, 160))
    before = other.network()
    with pytest.raises((KeyError, TypeError, ValueError)):
        other.restore(arrays, values)
    for name, array in before.arrays.items():
        np.testing.assert_array_equal(other.network().arrays[name], array)
    assert (other.step, other.best, other.history, other.seconds) == (0, None, [], 0.0)
    assert not other._optimiser.state
    other.restore(*first.snapshot())
    assert other.step == 3


# ---- The best weights


def test_the_best_weights_are_kept_where_they_are_asked_for(digits):
    config = Config(cell="rnn_tanh", hidden_size=16, epochs=6, batch_size=50, validation=60, learning_rate=0.03)
    known, watched = part(digits, 0, 400), part(digits, 400, 460)
    last, best = (Trainer(replace(config, keep=keep), known, watched) for keep in ("last", "best"))
    for trainer in (last, best):
        for _ in trainer.updates():
            pass

    def accuracy(network):
        answers = record_many(network, watched.images, ("logits",))["logits"][:, -1].argmax(axis=1)
        return (answers == watched.labels).mean()

    reached = [epoch.score for epoch in best.history]
    assert max(reached) > reached[-1], "the settings must make the last epoch worse than the best"
    assert accuracy(best.network()) == best.best == best.kept_score == max(reached)
    assert accuracy(last.network()) == last.kept_score == reached[-1]
    assert accuracy(best.current()) == reached[-1]


# ---- Diverging


def watched_rows(trainer: Trainer, networks: list) -> None:
    """Train to the end and keep the network at every row."""
    for _ in trainer.updates():
        trainer.row()
        networks.append(trainer.network())


@pytest.mark.parametrize("at", [0, 7])
def test_a_loss_that_is_no_number_ends_the_training_with_the_last_good_weights(digits, monkeypatch, at):
    trainer = Trainer(QUICK, part(digits, 0, 500))
    cross_entropy, kept = objectives.F.cross_entropy, []
    monkeypatch.setattr(
        objectives.F,
        "cross_entropy",
        lambda logits, y: cross_entropy(logits, y) * (math.nan if trainer.step >= at else 1.0),
    )
    kept.append(trainer.network())
    with pytest.raises(Diverged, match=r"loss must stay finite\. Got nan\. Choose a learning_rate below 0\.01\."):
        watched_rows(trainer, kept)
    assert trainer.step == at  # the update that its weights are of
    for name, array in kept[-1].arrays.items():
        np.testing.assert_array_equal(trainer.network().arrays[name], array)


def test_a_gradient_that_is_no_number_ends_the_training(digits, monkeypatch):
    trainer = Trainer(QUICK, part(digits, 0, 100))
    cross_entropy = objectives.F.cross_entropy

    def broken(logits, y):
        logits.register_hook(lambda gradient: gradient * math.inf)
        return cross_entropy(logits, y)

    monkeypatch.setattr(objectives.F, "cross_entropy", broken)
    with pytest.raises(Diverged, match=r"gradient must stay finite\. Got (nan|inf)\."):
        rows_of(trainer)
    assert all(np.isfinite(array).all() for array in trainer.network().arrays.values())


def test_a_loss_that_explodes_ends_the_training(digits, monkeypatch):
    trainer = Trainer(QUICK, part(digits, 0, 500))
    cross_entropy = objectives.F.cross_entropy
    monkeypatch.setattr(
        objectives.F, "cross_entropy", lambda logits, y: cross_entropy(logits, y) * (300 if trainer.step == 5 else 1)
    )
    with pytest.raises(Diverged, match=r"must stay below 100 times the untrained network's 2\.3\d?\. Got \d+\."):
        rows_of(trainer)
    assert trainer.step == 5


def test_weights_that_are_no_numbers_end_the_training(digits):
    trainer = Trainer(QUICK, part(digits, 0, 500))
    for step in trainer.updates():
        if step == 3:
            trainer._weights[0].data[0, 0] = math.inf
            break
    with pytest.raises(Diverged, match="weights must stay finite"):
        trainer.row()
    assert all(np.isfinite(array).all() for array in trainer.network().arrays.values())


@pytest.mark.parametrize("keep", ["last", "best"])
def test_weights_that_have_gone_astray_are_not_measured(digits, monkeypatch, keep):
    config = replace(QUICK, validation=60, keep=keep)  # 2 updates in an epoch, and a measurement at its end
    trainer, measured = Trainer(config, part(digits, 0, 100), part(digits, 100, 160)), []
    cross_entropy, mean_score = objectives.F.cross_entropy, trainer._mean_score
    astray = iter([1.0, 1.0, 1.0, math.nan])
    monkeypatch.setattr(objectives.F, "cross_entropy", lambda logits, y: cross_entropy(logits, y) * next(astray))
    monkeypatch.setattr(trainer, "_mean_score", lambda *about: measured.append(trainer.step) or mean_score(*about))
    updates = trainer.updates()
    assert [next(updates), next(updates)] == [1, 2]
    network, accuracy = trainer.network(), trainer.score
    next(updates)
    with pytest.raises(Diverged):
        next(updates)
    assert measured == [2]
    assert (trainer.step, trainer.best, trainer.kept_score) == (2, accuracy, accuracy)
    for name, array in network.arrays.items():
        np.testing.assert_array_equal(trainer.network().arrays[name], array)


def test_an_accuracy_of_earlier_weights_is_not_that_of_the_last_good_ones(digits, monkeypatch):
    trainer = Trainer(replace(QUICK, validation=60), part(digits, 0, 150), part(digits, 150, 210))
    cross_entropy = objectives.F.cross_entropy
    monkeypatch.setattr(
        objectives.F,
        "cross_entropy",
        lambda logits, y: cross_entropy(logits, y) * (math.nan if trainer.step == 4 else 1.0),
    )
    with pytest.raises(Diverged):
        rows_of(trainer)
    assert trainer.step == 4
    assert trainer.best is not None  # after update 3
    assert trainer.kept_score is None


def test_what_went_astray_is_not_saved(digits, monkeypatch):
    trainer = Trainer(QUICK, part(digits, 0, 100))
    monkeypatch.setattr(objectives.F, "cross_entropy", lambda logits, y: logits.sum() * math.nan)
    next(trainer.updates())
    with pytest.raises(Diverged):
        trainer.snapshot()


# ---- Devices


@pytest.mark.parametrize(
    ("name", "cuda", "mps", "device"),
    [
        ("auto", True, True, "cuda"),
        ("auto", False, True, "mps"),
        ("auto", False, False, "cpu"),
        ("cpu", True, True, "cpu"),
    ],
)
def test_the_best_device_is_chosen(monkeypatch, name, cuda, mps, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert loop.best_device(name).type == device


@pytest.mark.parametrize(
    ("flags", "precision"),
    [({"avx512_bf16": True}, "bfloat16"), ({"amx_bf16": True}, "bfloat16"), ({"avx512_bf16": False}, "float32")],
)
def test_bfloat16_is_used_where_the_processor_is_fast_at_it(digits, monkeypatch, flags, precision):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: flags)
    asked = replace(QUICK, precision="bfloat16", device="cpu")
    assert Trainer(asked, part(digits, 0, 10)).precision == precision
    assert Trainer(replace(asked, precision="float32"), part(digits, 0, 10)).precision == "float32"


def test_on_cuda_and_mps_the_device_is_asked_about_bfloat16(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    assert loop.fast_bfloat16(torch.device("cuda"))
    assert not loop.fast_bfloat16(torch.device("mps"))


@pytest.mark.parametrize("changes", [{}, {"clip": None, "optimiser": "sgd"}, {"precision": "bfloat16"}])
def test_between_rows_nothing_is_read_from_the_device(digits, monkeypatch, changes):
    trainer = Trainer(replace(QUICK, **changes), part(digits, 0, 500))
    updates = trainer.updates()
    next(updates)

    def read(*_):
        raise AssertionError("a GPU would have to be waited for")

    for name in ("item", "tolist", "cpu", "numpy", "__bool__", "__float__", "__int__"):
        monkeypatch.setattr(torch.Tensor, name, read)
    for _ in range(8):  # up to the end of the epoch, where its mean is read
        next(updates)
    monkeypatch.undo()
    assert trainer.row().step == 9


# ---- Pictures that do not fit


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        (np.zeros((400, 28, 28)), np.zeros(400, int), "images must be uint8 of shape"),
        (np.zeros((400, 784), np.uint8), np.zeros(400, int), "images must be uint8 of shape"),
        (np.zeros((400, 28, 28), np.uint8), np.zeros(399, int), "labels must be 400 integers"),
        (np.zeros((400, 28, 28), np.uint8), np.zeros(400), "labels must be 400 integers"),
        (np.zeros((400, 28, 28), np.uint8), np.full(400, 10), "labels must be 0 to 9. Got 10 to 10"),
        (np.zeros((0, 28, 28), np.uint8), np.zeros(0, int), "labels must be 0 to 9. Got none"),
        (np.zeros((297, 28, 28), np.uint8), np.zeros(297, int), "images must be more than the 297 held back. Got 297"),
    ],
)
def test_digits_that_do_not_fit_are_refused_in_words(images, labels, words):
    with pytest.raises(ValueError, match=words):
        train(TINY, images, labels)
