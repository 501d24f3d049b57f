"""Run folders as a worker leaves them, made in milliseconds and without torch: plausible numbers, through the contract.

Nothing here is measured. Set RNNVIZ_RUNS to a folder of the test's own first; the fixture `runs_here` does it.
"""

import json
import time
from dataclasses import replace

import numpy as np
import pytest

from rnnviz import checkpoints, digits, initial, upscaling
from rnnviz.training import film as films
from rnnviz.training import runs
from rnnviz.training.config import Config
from rnnviz.training.presets import PRESETS, command

SMALL = replace(PRESETS["bundled"].config, epochs=4)
UPSCALING = replace(PRESETS["super-3x128"].config, hidden_size=8, epochs=4)


@pytest.fixture
def runs_here(tmp_path, monkeypatch):
    """An empty folder of runs for one test; returns its path."""
    monkeypatch.setenv("RNNVIZ_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def made(
    state: str = "finished",
    config: Config = SMALL,
    share: float | None = None,
    rows: int = 40,
    frames: int = 24,
    name: str = "",
    preset: str | None = "bundled",
    group: runs.Group | None = None,
    id: str | None = None,
    note: str = "",
    **changes: object,
) -> runs.Run:
    """Make a run in that state and return it.

    share: of the training that is done; by default all of a finished run and half of another. rows, frames: of the
    metrics and of the film at the end of training. changes: further fields of its State. A run that is "running"
    here has no worker, so it counts as lost; `at_work` holds its lock meanwhile.
    """
    run = runs.create(config, name, preset, group, id)
    share = (1.0 if state == "finished" else 0.5) if share is None else share
    step, now = round(config.updates * share), time.time()
    seconds = round(step * 0.011, 3)
    values = {
        "state": state, "phase": "training" if state == "running" else "", "attempt": 1, "steps": config.updates,
        "step": step, "seconds": seconds, "device": "cpu", "precision": config.precision, "engine": "local",
        "handle": "4711:1", "queued": now - seconds - 2, "started": now - seconds,
        "ended": now if state in ("finished", "stopped", "failed") else 0.0,
        "reason": "error" if state == "failed" else "",
        "detail": "RuntimeError: what went wrong" if state == "failed" else "",
    }  # fmt: skip
    if note:
        runs.annotate(run, note=note)
    if state == "queued":
        return run
    with run.hold():  # at once, before a dispatcher of this folder, if there is one, starts it
        run.write_state(runs.State(**values | changes))
    write_metrics(run, config, step, rows)
    write_film(run, config, step, frames)
    (run.folder / "log.txt").write_text(f"{config.cell}: {step:,} of {config.updates:,} updates\n", "utf-8")
    if state in ("finished", "stopped"):
        write_model(run, config, share, preset)
    return run


def at_work(run: runs.Run):
    """Hold the run's lock inside, as its worker does: `with at_work(run): ...`."""
    return run.hold()


def made_group(kind: str = "kfold", count: int = 3, state: str = "finished", name: str = "") -> list[runs.Run]:
    """Make the runs of a cross-validation, or of a sweep over learning rates, and return them."""
    group, found = runs.new_id(), []
    for index in range(count):
        values = {"fold": index} if kind == "kfold" else {"learning_rate": 0.002 * 2**index}
        config = replace(SMALL, **values, folds=count if kind == "kfold" else 0)
        member = runs.Group(group, kind, index, count, name, values)
        found.append(made(state, config, group=member, id=f"{group}-{index + 1:02}"))
    return found


def loss_at(config: Config, share: np.ndarray) -> np.ndarray:
    """Return a loss in nats that falls from a guess's to a floor that depends on the learning rate and the fold."""
    floor = 0.04 + 0.03 * abs(np.log10(config.learning_rate) + 2) + 0.005 * config.fold
    return floor + np.log(config.data.classes) * np.exp(-9 * share)


def write_metrics(run: runs.Run, config: Config, step: int, rows: int) -> None:
    """Write evenly spaced rows up to `step`, with a score wherever one is measured."""
    random = np.random.default_rng(config.seed)
    per_epoch = config.watch_every or config.updates_per_epoch
    lines, before = [], 0
    for at in np.unique(np.linspace(1, config.updates, rows).round().astype(int)):
        if at > step:
            break
        loss = float(loss_at(config, at / config.updates))
        row = {
            "step": int(at),
            "epoch": round(at / per_epoch, 3),
            "seconds": round(at * 0.011, 3),
            "loss": round(loss * float(random.uniform(0.9, 1.1)), 5),
            "learning_rate": rate_at(config, at),
            "gradient_norm": round(float(random.lognormal(-0.5, 0.6)), 4),
            "speed": round(config.batch_size / 0.011, 1),
        }
        if at // per_epoch > before // per_epoch or at == config.updates:
            row[config.data.measure] = score_of(config, loss)
        before = at
        lines.append(json.dumps(row) + "\n")
    (run.folder / "metrics.jsonl").write_text("".join(lines), "utf-8")


def score_of(config: Config, loss: float) -> float:
    """Return an accuracy, or a PSNR in dB, that goes with a loss."""
    share = round(1 - min(0.9, loss / 4), 4)
    return share if config.data.measure == "accuracy" else round(30 * share, 4)


def rate_at(config: Config, step: int) -> float:
    """Return the learning rate at an update: constant, or up for 30 % of the updates and down again."""
    if config.schedule == "constant":
        return config.learning_rate
    share = step / config.updates
    up = min(1.0, share / 0.3) if config.schedule == "one_cycle" else 1.0
    down = np.cos(np.pi / 2 * max(0.0, (share - 0.3) / 0.7)) ** 2
    return round(float(config.learning_rate * up * down), 8)


def write_film(run: runs.Run, config: Config, step: int, frames: int) -> None:
    """Write evenly spaced frames up to `step`: gradients that vanish less and less, one row of them exactly zero."""
    random = np.random.default_rng(config.seed)
    classes, cell_state = config.data.classes, "lstm" in config.cell
    readout = "outputs" if config.data.task == "upscale" else "probs"
    shape = films.Shape.of(config.steps, config.hidden_size, classes, cell_state, label=3 % classes, readout=readout)
    image = random.integers(0, 256, config.data[2:4], dtype=np.uint8)
    if config.data.tested != "halves":
        image = digits.open_set("uci").images[3]
    projector = films.Projector(run.folder / "film" / "film.bin", shape, image=image)
    t = np.arange(shape.rows)
    ripple, wave = random.normal(0, 0.1, shape.rows), random.normal(0, 1, (shape.rows, config.hidden_size))
    for at in np.unique(np.linspace(0, config.updates, frames).round().astype(int)):
        if at > step:
            break
        share = at / config.updates
        norms = (t - (shape.rows - 1)) * (0.25 - 0.22 * share) + ripple * (t < shape.rows - 1)
        norms[0] = -np.inf if share < 0.5 else norms[0]
        logits = np.zeros((shape.rows, classes))
        logits[:, shape.label] = 6 * share * t / shape.rows
        logits[:, (shape.label + 5) % classes] = 1 - share
        probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        values = {"grad_h": norms, "h": np.tanh(wave * (0.2 + share)), readout: probs}
        if readout == "outputs":
            values[readout] = share * upscaling.targets(image / 255, config.delay)
        projector.add(int(at), **values, **({"grad_c": norms / 2} if cell_state else {}))


def write_model(run: runs.Run, config: Config, share: float, preset: str | None) -> None:
    """Write a network (an untrained one), its card with made-up scores, and its answers to the test digits."""
    network = initial.network(
        config.cell, config.input_size, config.hidden_size, config.num_layers, config.data.classes, config.seed
    )
    if config.data.task == "upscale":
        psnr = np.random.default_rng(config.seed).normal(28, 2, config.data.test).astype(np.float32)
        told = {"psnr": {config.data.tested: float(psnr.mean())}, "error": {config.data.tested: 0.0016}}
        card = checkpoints.Card(run.name or run.id, config.cell, training=config.to_dict(), task="upscale", **told)
        checkpoints.save(network, run.folder / "model.safetensors", card)
        np.savez(run.folder / "answers.npz", psnr=psnr)
        return
    accuracy = float(1 - loss_at(config, np.array(share)) / 4)
    random, count = np.random.default_rng(config.seed), config.data.test
    labels = true_labels(config)
    predicted = np.where(random.random(count) < accuracy, labels, (labels + 1) % config.data.classes)
    wrong = np.flatnonzero(predicted != labels).tolist()
    card = checkpoints.Card(
        name=run.name or run.id,
        cell=config.cell,
        dataset=config.dataset,
        training=config.to_dict(),
        command=command(config, preset),
        accuracy={config.data.tested: 1 - len(wrong) / count},
        misread={"mnist": wrong} if config.dataset == "mnist" else {},
    )
    checkpoints.save(network, run.folder / "model.safetensors", card)
    with open(run.folder / "answers.npz", "wb") as file:
        confidence = random.uniform(0.4, 1.0, count).astype(np.float16)
        np.savez(file, predicted=predicted.astype(np.uint8), confidence=confidence)


def true_labels(config: Config) -> np.ndarray:
    """Return classes for the test sequences: the bundled digits' own, the last ones; elsewhere any."""
    if config.dataset == "uci":
        return digits.open_set("uci").labels[-config.data.test :].astype(int)
    return np.arange(config.data.test) % config.data.classes
