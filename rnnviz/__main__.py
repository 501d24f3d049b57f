"""The command line: `python -m rnnviz --help`."""

import sys
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[1]


@click.group()
def main() -> None:
    """Look inside recurrent networks that read handwritten digits row by row."""


def _known(context: click.Context, parameter: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    from .training.presets import PRESETS

    for name in names:
        if name not in PRESETS:
            raise click.BadParameter(f"must be one of {', '.join(PRESETS)}. Got {name!r}.")
    return names


@main.command()
@click.option(
    "--preset", "presets", multiple=True, required=True, callback=_known, help="Which network; may be repeated."
)
@click.option(
    "--out", type=click.Path(path_type=Path), default=ROOT / "checkpoints", show_default="checkpoints", help="Folder."
)
@click.option("--seed", type=int, help="Another seed than the preset's.")
@click.option("--epochs", type=int, help="Another number of epochs than the preset's.")
@click.option("--overwrite", is_flag=True, help="Replace networks that are there.")
@click.option("--download", is_flag=True, help="Fetch MNIST first (11.6 MB) where it is missing.")
def train(presets: tuple[str, ...], out: Path, seed: int | None, epochs: int | None, overwrite: bool, download: bool):
    """Train networks on MNIST and write them with their accuracy on the test digits."""
    from dataclasses import replace

    from .training.presets import PRESETS

    changes = {name: value for name, value in (("seed", seed), ("epochs", epochs)) if value is not None}
    try:
        configs = {name: replace(PRESETS[name], **changes) for name in presets}
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    for name in configs:
        if (path := out / f"{name}.safetensors").exists() and not overwrite:
            raise click.ClickException(f"{path} must not be there yet. It is. Pass --overwrite or another --out.")
    _require_mnist(download)
    for name, config in configs.items():
        command = " ".join(["python -m rnnviz train --preset", name, *(f"--{k} {v}" for k, v in changes.items())])
        _train_one(name, config, out, command)


def _require_mnist(download: bool) -> None:
    from .digits import mnist

    try:
        if download and mnist.status().state != "ready":
            with click.progressbar(length=1000, label="MNIST") as bar:
                mnist.fetch(lambda share: bar.update(round(1000 * share) - bar.pos))
        mnist.train(), mnist.test()
    except mnist.MnistMissing as error:
        raise click.ClickException(f"{error}\nPass --download to fetch it now (11.6 MB).") from error


def _train_one(name: str, config, out: Path, command: str) -> None:
    from contextlib import ExitStack

    from .training.loop import Diverged
    from .training.shipped import make

    def describe(progress) -> str:
        if progress is None:
            return ""
        accuracy = "" if progress.accuracy is None else f"  validation {progress.accuracy:.2%}"
        return f"loss {progress.loss:.3f}{accuracy}"

    with ExitStack() as stack:
        bars = []

        def advance(progress) -> None:
            if not bars:  # from the first update on: what is loaded before it would spoil the estimate of the time left
                bar = click.progressbar(length=progress.steps, label=name, item_show_func=describe)
                bars.append(stack.enter_context(bar))
            bars[0].update(1, progress)

        try:
            card = make(name, config, out, command, advance)
        except Diverged as error:
            raise click.ClickException(f"{name}: {error}") from error
    reached = ", ".join(f"{digits} {share:.2%}" for digits, share in card.accuracy.items())
    click.echo(f"{name}: {reached} in {card.training['seconds']:.0f} s -> {out / name}.safetensors")


@main.command()
def networks() -> None:
    """List the shipped networks with their accuracy on MNIST's test digits and on the bundled ones."""
    from . import checkpoints

    click.echo(f"{'name':<12}{'cell':<10}{'parameters':>11}{'MNIST':>9}{'UCI':>9}")
    for name in checkpoints.names():
        card, network = checkpoints.card(name), checkpoints.load(name)
        mnist, uci = (f"{card.accuracy[each]:.2%}" if each in card.accuracy else "-" for each in ("mnist", "uci"))
        click.echo(f"{name:<12}{card.cell:<10}{network.num_parameters:>11,}{mnist:>9}{uci:>9}")


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
