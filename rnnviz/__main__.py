"""The command line: `python -m rnnviz --help`."""

import errno
import sys
import time
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[1]
LOOK = 0.5
"""Seconds between two looks at a run that is followed."""
SETS = {"mnist": "MNIST test", "uci": "bundled digits", "uci_test": "bundled test digits", "halves": "test sequences"}
"""What a card's sets are called, and how a score is written by what it measures."""
FORMS = {"accuracy": "{:.2%}", "psnr": "{:.2f} dB"}


class _Commands(click.Group):
    """Commands that end in one sentence where something is in the way."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except (OSError, KeyError, RuntimeError, ValueError) as error:
            from .checkpoints import CheckpointError
            from .training.runs import NoSuchRun, RunError

            if isinstance(error, OSError) and error.errno != errno.EPIPE:  # click knows what to do about a closed pipe
                raise click.ClickException(str(error)) from error
            if isinstance(error, NoSuchRun | RunError | CheckpointError):
                raise click.ClickException(str(error.args[0])) from error
            raise


@click.group(cls=_Commands)
def main() -> None:
    """Look inside recurrent networks that read handwritten digits row by row."""


# ---- Training


def _known(context: click.Context, parameter: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    from .training.presets import PRESETS

    for name in names:
        if name not in PRESETS:
            raise click.BadParameter(f"must be one of {', '.join(PRESETS)}. Got {name!r}.")
    return names


def _settings(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, object]:
    """Return what "name=value" means; with a sweep, "name=value,value" gives a list of values."""
    from .training.config import Refused, parse

    found = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign:
            raise click.BadParameter(f"must look like epochs=2. Got {text!r}.")
        try:
            several = parameter.name == "grid"
            found[name] = [parse(name, each) for each in value.split(",")] if several else parse(name, value)
        except Refused as error:
            raise click.BadParameter(str(error)) from error
    return found


class _Train(click.Command):
    """A command whose help lists presets and settings; they are only looked up where help is asked for."""

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        from dataclasses import fields

        from .training import config
        from .training.presets import PRESETS

        bounds = config.INTEGERS | config.NUMBERS | config.OPTIONAL
        rows = []
        for field in fields(config.Config):
            can_be = config.CHOICES.get(field.name) or (("true", "false") if field.name in config.SWITCHES else ())
            told = ", ".join(can_be) or f"{bounds[field.name][0]:,} to {bounds[field.name][1]:,}"
            told += ", or none" if field.name in config.OPTIONAL else ""
            rows.append((field.name, f"{told}  [default: {str(field.default).lower()}]"))
        with formatter.section("Presets"):
            formatter.write_text(", ".join(PRESETS))
        with formatter.section("Settings"):
            formatter.write_dl(rows)


@main.command(cls=_Train)
@click.option("--preset", "presets", multiple=True, callback=_known, help="Settings by name; may be repeated.")
@click.option("--set", "changes", multiple=True, callback=_settings, metavar="NAME=VALUE", help="Another setting.")
@click.option("--seed", type=int, help="Another seed.")
@click.option("--epochs", type=int, help="Another number of epochs.")
@click.option("--name", default="", help="What the run is called in lists.")
@click.option(
    "--folds",
    "--kfold",
    "folds",
    type=click.IntRange(2, 20),
    metavar="K",
    help="A cross-validation: K runs, each of which holds another part back and keeps its last weights.",
)
@click.option(
    "--sweep", "grid", multiple=True, callback=_settings, metavar="NAME=VALUE,VALUE",
    help="A run for each value; repeated, for each combination.",
)  # fmt: skip
@click.option("--detach", is_flag=True, help="Do not wait for the end.")
@click.option("--download", is_flag=True, help="Fetch MNIST first (11.6 MB) where it is missing.")
def train(presets, changes, seed, epochs, name, folds, grid, detach, download) -> None:
    """Train networks, watch them learn, and say how well they read digits that they have not seen.

    Training goes on in the background when this command is left.
    """
    from dataclasses import replace

    from .training import dispatch, runs
    from .training.config import Config
    from .training.presets import PRESETS
    from .training.presets import changes as changed

    if grid and (folds or len(presets) > 1):
        raise click.UsageError("--sweep must stand alone: without --folds, and with one --preset at most.")
    changes |= {key: value for key, value in (("seed", seed), ("epochs", epochs)) if value is not None}
    orders = []
    try:
        for preset in presets or (None,):
            base = PRESETS[preset].config if preset else Config()
            if folds:  # a cross-validation leaves the test digits alone
                base = replace(base, watch="validation")
            config = replace(base, **changes)
            replace(config, folds=folds or config.folds)  # all are checked before the first one is queued
            told = (preset or config.cell, *(f"{key}={value}" for key, value in changed(config, base).items()))
            orders.append((config, (name or ", ".join(told))[: runs.MAX_NAME], preset))
        _require_torch()
        if any(config.data.needs_mnist for config, _, _ in orders):
            _require_mnist(download)
        started = []
        for config, called, preset in orders:
            if folds:
                started += runs.create_folds(config, folds, called, preset)
            elif grid:
                started += runs.create_sweep(config, grid, called, preset)
            else:
                started.append(runs.create(config, called, preset))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    dispatch.ensure()
    if detach:
        for run in started:
            click.echo(f"{run.id}  {_name(run)}")
        return
    _follow_all(started)


def _learners(context: click.Context, parameter: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    from .training.recall import LEARNERS

    for name in names:
        if name not in LEARNERS:
            raise click.BadParameter(f"must be one of {', '.join(LEARNERS)}. Got {name!r}.")
    return tuple(dict.fromkeys(names)) or tuple(LEARNERS)


@main.command()
@click.option(
    "--learner", "learners", multiple=True, callback=_learners,
    help="rnn, rnn-orthogonal, gru, lstm, lstm-1 or lstm-5 (their forget bias); may be repeated.  [default: all]",
)  # fmt: skip
@click.option("--seeds", type=click.IntRange(1, 5), default=3, show_default=True, help="So many of each.")
@click.option("--seed", default=0, show_default=True, help="The first seed.")
@click.option("--blank", default=28, show_default=True, help="Blank rows between the digit and the answer.")
@click.option("--rate-rnn", default=1e-3, show_default=True, help="The learning rate of plain RNNs.")
@click.option("--rate-gated", default=1e-2, show_default=True, help="The learning rate of GRU and LSTM.")
@click.option("--updates", type=click.IntRange(1), default=500, show_default=True, help="So many, with 64 digits each.")
@click.option("--export", "out", type=click.Path(path_type=Path, dir_okay=False), help="Write a recording of it.")
@click.option("--detach", is_flag=True, help="Do not wait for the end.")
def recall(learners, seeds, seed, blank, rate_rnn, rate_gated, updates, out, detach) -> None:
    """Let small networks learn to answer only after blank rows, and say which of them do.

    They read MNIST where it is on this machine, else the bundled digits. Training goes on in the background when this
    command is left.
    """
    from .digits import mnist
    from .training import dispatch, runs
    from .training import recall as delayed

    if out and (detach or out.suffix != ".safetensors"):
        raise click.UsageError(f"--export must name a .safetensors file, without --detach. Got {out.name!r}.")
    asked = (learners, seed, seeds, blank, rate_rnn, rate_gated, updates)
    dataset = "mnist" if mnist.status().state == "ready" else "uci"
    try:
        configs = delayed.configs(*asked, dataset)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    _require_torch()
    if dataset == "uci":
        click.echo("MNIST is not on this machine: the bundled digits are read.")
    started = runs.create_group(configs, "recall", f"recall, {blank} blank rows")
    dispatch.ensure()
    if detach:
        for run in started:
            click.echo(f"{run.id}  {_name(run)}")
        return
    ends = _watch_all(started)
    results = [result for run in started if (result := delayed.result(run))]
    _tell_recall(results, learners)
    if out:
        from importlib.metadata import version

        devices = ", ".join(sorted({result.device for result in results}))
        about = {"made": time.strftime("%Y-%m-%d"), "device": devices, "torch": version("torch")}
        delayed.write_recording(results, out, command=delayed.command(*asked), **about)
        click.echo(f"{len(results)} runs -> {out} ({out.stat().st_size / 1000:.0f} kB)")
    if set(ends) != {"finished"}:
        sys.exit(1)


def _tell_recall(results: list, learners: tuple[str, ...]) -> None:
    """Print what each learner came to, seed by seed."""
    seeds = sorted({result.config.seed for result in results})
    click.echo("".join(["network".ljust(16), *(f"seed {seed}".rjust(14) for seed in seeds), "learned".rjust(10)]))
    for learner in learners:
        own = {result.config.seed: result for result in results if result.learner == learner}
        cells = [_reached(own.get(seed)).rjust(14) for seed in seeds]
        learned = f"{sum(result.learned for result in own.values())} of {len(own)}"
        click.echo("".join([learner.ljust(16), *cells, learned.rjust(10)]))


def _reached(result) -> str:
    """Return a network's accuracy, or what came in between."""
    if result is None:
        return "-"
    if result.state != "finished":
        return f"{result.state} at {result.step}" if result.state != "failed" else result.reason
    return "-" if result.reached is None else f"{result.reached:.2%}"


def _require_torch() -> None:
    from importlib.util import find_spec

    if find_spec("torch") is None:
        raise click.ClickException("torch must be installed for training. It is not. pip install -r requirements.txt")


def _require_mnist(download: bool) -> None:
    from .digits import mnist

    try:
        if download and mnist.status().state != "ready":
            with click.progressbar(length=1000, label="MNIST") as bar:
                mnist.fetch(lambda share: bar.update(round(1000 * share) - bar.pos))
        mnist.train(), mnist.test()
    except mnist.MnistMissing as error:
        raise click.ClickException(f"{error}\nPass --download to fetch it now (11.6 MB).") from error


def _follow_all(started: list) -> None:
    """Show each run until it ends; leave with 1 unless all of them finish."""
    ends = _watch_all(started, _tell_end)
    shares = [_validation(run) for run in started]
    if len(started) > 1 and started[0].plan.group and started[0].plan.group.kind == "kfold" and None not in shares:
        from statistics import mean, stdev

        told, spread = (_score(started[0], each) for each in (mean(shares), stdev(shares)))
        click.echo(f"{len(shares)} folds: validation {told}, standard deviation {spread}")
    if set(ends) != {"finished"}:
        sys.exit(1)


def _watch_all(started: list, tell=lambda run: None) -> list[str]:
    """Show each run until it ends, `tell` of it then, and return how they ended."""
    ends = []
    try:
        for run in started:
            ends.append(_follow(run).state)
            tell(run)
    except KeyboardInterrupt:
        rest = [run for run in started[len(ends) :] if run.exists and run.state.state in ("queued", "running")]
        click.echo("\nTraining goes on in the background:")
        for run in rest:
            click.echo(f"  {run.id}  {_name(run)}")
        click.echo("Look with `python -m rnnviz runs`, end one with `python -m rnnviz stop ID`, and let it go on later")
        click.echo("with `python -m rnnviz resume ID`.")
        sys.exit(130)
    return ends


def _follow(run):
    """Show a run's progress until it ends, and return its last state."""
    from .training import dispatch

    with click.progressbar(
        length=run.config.updates,
        label=_name(run),
        show_eta=False,
        item_show_func=lambda text: text or "",
        width=24,
        update_min_steps=0,
    ) as bar:
        while True:
            dispatch.ensure()  # also where the dispatcher was killed
            state, rows = run.state, run.metrics
            bar.length = state.steps or bar.length
            bar.pos = max(state.step, rows[-1]["step"] if rows else 0)  # it may go back: a killed worker lost some
            bar.update(0, _progress(run, state, rows, bar.length))
            if state.state not in ("queued", "running"):
                return state
            time.sleep(LOOK)


def _progress(run, state, rows: list[dict], steps: int) -> str:
    """Return in a few words what a run does now."""
    if state.state == "queued":
        return "waits"
    if not rows or state.phase == "scoring":
        return state.phase
    told = [f"loss {rows[-1]['loss']:.3g}"] if "loss" in rows[-1] else []
    if (score := _newest(run, rows)) is not None:
        told.append(f"{run.config.watch} {_score(run, score)}")
    if "speed" in rows[-1]:
        told.append(f"{rows[-1]['speed']:,.0f} sequences/s")
    first, last = rows[-min(20, len(rows))], rows[-1]
    if last["step"] > first["step"]:
        pace = (last["seconds"] - first["seconds"]) / (last["step"] - first["step"])
        told.append(f"{_time(max(0.0, pace * (steps - last['step'])))} left")
    return "  ".join(told)


def _time(seconds: float) -> str:
    """Return a time in seconds, from a hundred on as h:mm:ss."""
    if seconds < 99.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _name(run) -> str:
    """Return what a run is called, with its place in its group."""
    group = run.plan.group
    name = run.name or (group and group.name) or run.id
    if group is None:
        return name
    if group.kind == "kfold":
        return f"{name} (fold {group.index + 1} of {group.count})"
    if group.kind == "recall":
        from .training.recall import learner_of

        return f"{name} ({learner_of(run.config) or run.config.cell}, seed {run.config.seed})"
    return f"{name} ({', '.join(f'{key}={value}' for key, value in group.values.items())})"


def _tell_end(run) -> None:
    """Say what came of a run."""
    state = run.state
    if state.state == "failed":
        click.echo(f"{_name(run)}: failed ({state.reason}). {state.detail}", err=True)
        click.echo(f"  the whole story: {run.folder / 'log.txt'}", err=True)
    elif state.state == "stopped":
        click.echo(f"{_name(run)}: stopped after {state.step:,} updates. `python -m rnnviz resume {run.id}` goes on.")
    else:
        scores = [f"{SETS[name]} {_score(run, score)}" for name, score in _tested(run).items()]
        if (score := _validation(run)) is not None:
            scores.insert(0, f"validation {_score(run, score)}")
        click.echo(f"{_name(run)}: {', '.join(scores)} after {_time(state.seconds)}")
    if run.model:
        click.echo(f"  model: {run.model}")
        if run.config.data.of_digits:
            click.echo(f"  see it read: python -m rnnviz serve, then http://127.0.0.1:8501/?net=run:{run.id}")
        elif run.config.data.task == "upscale":
            page = f"http://127.0.0.1:8501/sequences?part=upscaling&upscaler=run:{run.id}"
            click.echo(f"  see it write: python -m rnnviz serve, then {page}")


def _tested(run) -> dict[str, float]:
    """Return the scores on test sequences by set; none before the end."""
    from .checkpoints import card

    return dict(card(run.model).scores) if run.model else {}


def _validation(run) -> float | None:
    """Return the score on sequences that were held back: the result's, or before there is one the newest."""
    from .checkpoints import card

    if run.config.watch == "test":
        return None
    if run.model:
        return card(run.model).validation
    return _newest(run, run.metrics)


def _newest(run, rows: list[dict]) -> float | None:
    """Return the score that was measured last."""
    measure = run.config.data.measure
    return next((row[measure] for row in reversed(rows) if measure in row), None)


def _score(run, score: float) -> str:
    """Return a run's accuracy or PSNR as people read it."""
    return FORMS[run.config.data.measure].format(score)


# ---- Runs


def _run(prefix: str):
    """Return the run whose id begins so."""
    from .training import runs

    found = [run for run in runs.listed() if run.id.startswith(prefix)]
    exact = [run for run in found if run.id == prefix]  # the id of one run may begin that of another, in a group
    if len(exact or found) == 1:
        return (exact or found)[0]
    if not found:
        raise click.UsageError(f"ID must be, or begin, the id of a run. None begins with {prefix!r}. See `runs`.")
    some = ", ".join(run.id for run in found[:4]) + (", ..." if len(found) > 4 else "")
    raise click.UsageError(f"ID must tell one run from all others. Got {prefix!r}, which begins {some}.")


@main.command("runs")
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
def list_runs(as_json: bool) -> None:
    """List the training runs, the newest first."""
    from .training import runs

    rows = []
    for run in runs.listed():
        try:
            rows.append(_described(run))
        except runs.NoSuchRun:
            continue  # deleted just now
    if as_json:
        import json

        click.echo(json.dumps(rows, indent=1))
        return
    heads = ("id", "name", "state", "progress", "validation", "test", "time")
    lines = [heads, *(_line(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        left, right = line[:3], line[3:]
        words = [text.ljust(width) for text, width in zip(left, widths[:3], strict=True)]
        click.echo("  ".join(words + [text.rjust(width) for text, width in zip(right, widths[3:], strict=True)]))


def _described(run) -> dict[str, object]:
    from .checkpoints import CheckpointError
    from .training.runs import RunError

    state, lost = run.state, run.lost
    values = {
        "id": run.id,
        "name": run.note.get("name", ""),
        "state": "lost" if lost else "stopping" if run.stopping and state.state == "running" else state.state,
        "phase": state.phase,
        "reason": state.reason,
        "detail": state.detail,
        "step": state.step,
        "steps": state.steps,
        "seconds": state.seconds,
        "measure": None,
        "validation": None,
        "test": {},
        "config": None,
        "preset": None,
        "folder": str(run.folder),
    }
    try:
        plan = run.plan
        values |= {"name": _name(run), "preset": plan.preset, "config": plan.config.to_dict()}
        values["steps"] = state.steps or plan.config.updates
        if state.state == "running" and (rows := run.metrics):
            values |= {"step": max(state.step, rows[-1]["step"]), "seconds": max(state.seconds, rows[-1]["seconds"])}
        values |= {"measure": plan.config.data.measure, "validation": _validation(run), "test": _tested(run)}
    except (RunError, CheckpointError, OSError) as error:
        values["detail"] = values["detail"] or str(error)
    return values


def _line(row: dict) -> tuple[str, ...]:
    """Return a run as it stands in the table."""
    state = f"{row['state']}: {row['reason']}" if row["reason"] else str(row["state"])
    done = f"{row['step'] / row['steps']:.0%}" if row["steps"] else "-"
    form = FORMS[row["measure"] or "accuracy"].format
    validation = "-" if row["validation"] is None else form(row["validation"])
    test = form(next(iter(row["test"].values()))) if row["test"] else "-"
    return str(row["id"]), row["name"][:60], state, done, validation, test, _time(row["seconds"])


@main.command()
@click.argument("id")
def stop(id: str) -> None:
    """Stop a run, or cancel one that waits. What it has learned is kept."""
    from .training import dispatch, runs

    run = _run(id)
    runs.request_stop(run)
    dispatch.ensure()
    state = run.state.state
    told = "will stop within seconds" if state in ("queued", "running") else f"is {state}"
    click.echo(f"{run.id} {told}.")


@main.command()
@click.argument("id")
@click.option("--detach", is_flag=True, help="Do not wait for the end.")
def resume(id: str, detach: bool) -> None:
    """Let a run go on that was stopped, has failed or was lost."""
    from .training import dispatch, runs

    run = _run(id)
    runs.resume(run)
    dispatch.ensure()
    if detach:
        click.echo(f"{run.id} is queued.")
    else:
        _follow_all([run])


@main.command()
@click.argument("id")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="NAME.safetensors or NAME.zip."
)
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
def export(id: str, out: Path, overwrite: bool) -> None:
    """Write a run's network as a checkpoint, or all that is known of the run as a .zip."""
    import os

    if out.suffix not in (".safetensors", ".zip"):
        raise click.UsageError(f"--out must end in .safetensors or .zip. Got {out.name!r}.")
    run = _run(id)
    if out.exists() and not overwrite:
        raise click.ClickException(f"{out} must not be there yet. It is. Pass --overwrite or another --out.")
    if out.suffix == ".safetensors" and not run.model:
        raise click.ClickException(f"run must have a result. {run.id} is {run.state.state} and has none.")
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f".{out.name}.partial")
    try:
        (_write_network if out.suffix == ".safetensors" else _write_zip)(run, partial, out.stem)
        os.replace(partial, out)  # a server that is reading meets the old file or the new one
    finally:
        partial.unlink(missing_ok=True)
    click.echo(f"{run.id} -> {out}")


def _write_network(run, path: Path, name: str) -> None:
    """Write the result under its new name; the weights stay as they are."""
    from dataclasses import replace

    from . import checkpoints

    checkpoints.save(checkpoints.load(run.model), path, replace(checkpoints.card(run.model), name=name))
    path.chmod(0o644)  # safetensors lets only the owner read what it writes, and a server may be someone else


def _write_zip(run, path: Path, name: str) -> None:
    """Write settings, note, measurements and the result."""
    from zipfile import ZIP_DEFLATED, ZipFile

    with ZipFile(path, "w", ZIP_DEFLATED) as file:
        for each in ("config.json", "state.json", "note.json", "metrics.jsonl", "answers.npz", "model.safetensors"):
            if (run.folder / each).is_file():
                file.write(run.folder / each, f"{name}/{each}")


@main.command()
@click.argument("id")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(id: str, yes: bool) -> None:
    """Delete a run with everything that came of it."""
    from .training import runs

    run = _run(id)
    if not yes:
        click.confirm(f"Delete {run.id} ({_name(run)}), {run.state.state}, {run.bytes / 2**20:.1f} MB?", abort=True)
    runs.delete(run)
    click.echo(f"{run.id} is deleted.")


@main.command("dispatch")
@click.option("--engine", help="What starts the runs, local or ray: else $RNNVIZ_ENGINE, else local.")
@click.option("--stay", is_flag=True, help="Wait for more when no run is left.")
@click.option(
    "--insecure", is_flag=True, help="Also where strangers could start programs: a Ray cluster without token."
)
def run_dispatcher(engine: str | None, stay: bool, insecure: bool) -> None:
    """Look after the runs until none is left.

    Starts what waits, as many at a time as $RNNVIZ_SLOTS says, and sends on what was killed. The app and `train` start
    this by themselves. On a Ray cluster it belongs on the head node; see docs/cluster.md.
    """
    import os

    from .training import dispatch
    from .training.engines import Unavailable

    if engine:
        os.environ["RNNVIZ_ENGINE"] = engine
    try:
        dispatch.serve(stay, insecure)
    except (Unavailable, ValueError) as error:
        raise click.ClickException(str(error)) from error


# ---- Networks and the app


@main.command()
def networks() -> None:
    """List the shipped networks with their accuracy, or their PSNR, on MNIST's test digits and on the bundled ones."""
    from . import checkpoints

    click.echo(f"{'name':<13}{'cell':<10}{'parameters':>11}{'MNIST':>10}{'UCI':>10}")
    for name in checkpoints.names(None):
        card, network = checkpoints.card(name), checkpoints.load(name)
        form = FORMS[checkpoints.MEASURES[card.task]].format
        mnist, uci = (form(card.scores[each]) if each in card.scores else "-" for each in ("mnist", "uci"))
        click.echo(f"{name:<13}{card.cell:<10}{network.num_parameters:>11,}{mnist:>10}{uci:>10}")


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True)
@click.option("--address", default="127.0.0.1", show_default=True, help="0.0.0.0 lets other machines in: no accounts.")
def serve(port: int, address: str) -> None:
    """Start the app and say where it is."""
    import subprocess

    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        "app.py",
        f"--server.port={port}",
        f"--server.address={address}",
    ]
    try:
        sys.exit(subprocess.call(command, cwd=ROOT))  # Streamlit reads .streamlit/config.toml where it is started
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main(prog_name="python -m rnnviz")
