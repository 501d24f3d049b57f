"""The worker: `python -m rnnviz.training.worker <run folder>` trains one run, from "queued" to its end.

Where the settings ask for several ranks it starts these instead, see `group`; what follows is then told of the first.

It holds the run's lock for life. It only ever writes into the run's folder, and ends without a word where that is
deleted. What it prints goes to the run's log. It can be killed at any moment: another worker goes on.
"""

import errno
import json
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from .. import checkpoints, measures
from ..digits.mnist import MnistMissing
from ..network import Network
from ..trace import record
from . import film as films
from . import generations, group
from .config import Config, Refused
from .data import Part, as_read, open_data, split
from .dispatch import run_minutes
from .presets import command
from .runs import NoSuchRun, Plan, Run, RunError

LOOK_EVERY = 0.1
"""Seconds between two looks whether to stop."""
SAVE_EVERY = 5.0
"""Seconds of training that a kill may cost."""
ROW_EVERY = 1.0
"""Seconds after which a row is written, however slow the updates are."""
FRAMES = 300
FILM_SHARE = 0.03
"""Of the time that training takes, at most so much goes into the film."""
PROBES = 8
"""So many sequences are filmed: norms of gradients are the median over them, states those of the first."""
WAIT_FOR_LOCK = 10.0
BALLAST_BYTES = 65_536

KNOWN = {
    "mnist": "MNIST: {training:,} of its {total:,} training digits",
    "uci": "Bundled digits (UCI): {training:,} of the first {total:,}",
    "halves": "Random sequences, which half has the larger sum: {training:,} of {total:,}",
    "mnist_2x": "MNIST at half the size, to be written at its own: {training:,} of its {total:,} training digits",
}
READ = {
    "rows": "one row of pixels per time step, from the top",
    "pixels": "one pixel per time step, in reading order",
    "permuted": "one pixel per time step, in an order that is random and fixed",
}


class _Stop(Exception):
    """Someone asked the run to stop."""


class _Failed(Exception):
    """The run ends as failed, for one of `runs.REASONS`."""

    def __init__(self, reason: str, detail: str):
        super().__init__(detail)
        self.reason = reason


def main(folder: Path, own_process: bool = True, is_rank: bool = False) -> int:
    """Work on the run in `folder` and return the exit code.

    own_process: whether it may end the process, at a stop while nothing is trained yet, and take its signals; else it
    makes the updates of all ranks. is_rank: whether torchrun has started it as one of several.
    """
    os.environ["RNNVIZ_RUNS"] = str(folder.resolve().parent)
    if own_process:
        group.end_with_parent()
    try:
        run = Run(folder.resolve().name)
        if own_process and not is_rank and (count := group.wanted(run)) > 1:
            return group.lead(run, count)
        if is_rank and os.environ["RANK"] != "0":
            return group.follow(run)
        with run.hold(timeout=WAIT_FOR_LOCK):
            Worker(run, own_process, is_rank).work()
    except NoSuchRun:
        return 0
    except OSError:
        if folder.is_dir():
            raise
        return 0
    except RunError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    return 0


class Watch:
    """Whether the run has to end: its `stop` file or SIGTERM asks for it, or its time is over.

    A thread looks, so that a stop is seen while torch and data load, when nobody else could look for seconds.
    """

    def __init__(self, run: Run, minutes: float, at_once: Callable[[], None] | None):
        """at_once: what the thread does about a stop until `leave_it` is called."""
        self.stopped = self._over = False
        self._file, self._minutes, self._end = run.folder / "stop", minutes, time.monotonic() + 60 * minutes
        self._lock, self._at_once = threading.Lock(), at_once
        threading.Thread(target=self._look, daemon=True).start()

    def stop(self, *_: object) -> None:
        self.stopped = True

    def check(self) -> None:
        """Raise _Stop or _Failed where the run has to end."""
        if self.stopped:
            raise _Stop
        if time.monotonic() > self._end:
            told = f"a run may take {self._minutes:g} minutes. It has. Set RNNVIZ_RUN_MINUTES for longer ones."
            raise _Failed("time_limit", told)

    def leave_it(self) -> None:
        """From now on leave a stop to those who check."""
        with self._lock:
            self._at_once = None
        self.check()

    def close(self) -> None:
        """Look no more."""
        self._over = True

    def _look(self) -> None:
        while not self._over and not self.stopped:
            time.sleep(LOOK_EVERY)
            if self._file.exists():
                self.stopped = True
        with self._lock:
            if self._at_once and not self._over:
                self._at_once()


class Worker:
    """One run, and what is written of it."""

    def __init__(self, run: Run, own_process: bool, is_rank: bool = False):
        self.run, self.state, self._own_process, self._is_rank = run, run.state, own_process, is_rank
        self.trainer = self.ranks = None

    # ---- The life of a run

    def work(self) -> None:
        """Train the run to its end and write how it ended.

        NoSuchRun where its folder is deleted meanwhile; RunError, and nothing is written, where another rank is gone.
        """
        if self.state.state != "queued":
            raise RunError(f"run must be queued. {self.run.id} is {self.state.state}.")
        if self.run.stopping:
            self._end("stopped")
            return
        begun = {"state": "running", "phase": "loading", "started": time.time(), "ended": 0.0}
        self._write(**begun, reason="", detail="", resumed_from=None, repaired=False)
        ballast = self.run.folder / ".ballast"
        try:
            ballast.write_bytes(os.urandom(BALLAST_BYTES))  # its room takes the last words where a disk is full
            self._work()
            end = ("finished", "", "")
        except _Stop:
            end = ("stopped", "", "")
        except Exception as error:
            if not self.run.folder.is_dir():
                raise NoSuchRun(f"run must be one that is there. {self.run.id} is no longer.") from None
            if self._deserted(error):
                with suppress(OSError):
                    ballast.unlink()
                raise RunError(f"every rank must live while it trains. One of {self.run.id} is gone.") from None
            end = ("failed", reason_of(error), str(error).partition("\n")[0] or type(error).__name__)
            if end[1] in ("error", "memory"):  # the others explain themselves
                traceback.print_exc()
            print(end[2], flush=True)
        with suppress(OSError):
            ballast.unlink()
        self._end(*end)

    def _work(self) -> None:
        self.watch = Watch(self.run, run_minutes(), self._stop_at_once if self._own_process else None)
        if self._own_process and not self._is_rank:  # to a rank a signal is torchrun's, whose group has lost another
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self.watch.stop)
        try:
            self._learn()
        finally:
            self.watch.close()

    def _learn(self) -> None:
        plan = self._plan()
        self._load(plan)
        self.watch.leave_it()
        trainer = self.trainer
        self._write(phase="training", steps=trainer.steps, device=self._device, precision=trainer.precision,
                    resumed_from=self.resumed, repaired=self.repaired, **self._done)  # fmt: skip
        from .loop import Diverged

        try:
            self._train(plan)
        except (_Stop, _Failed, Diverged):
            self._save_model(plan, self._result())  # what was learnt so far is kept
            raise
        self._score(plan)

    def _plan(self) -> Plan:
        try:
            plan = self.run.plan
        except RunError as error:
            raise _Failed("bad_config", str(error)) from error
        if plan.config.processes > 1 and os.name == "nt":
            got = f"Got {plan.config.processes}."
            raise _Failed("bad_config", f"ranks and gpus must be at most 1 on Windows, for want of torchrun. {got}")
        return plan

    def _deserted(self, error: Exception) -> bool:
        """Return whether an error is another rank's death: who waits for that one is told by a RuntimeError."""
        if self.ranks is None or not isinstance(error, RuntimeError) or reason_of(error) != "error":
            return False
        over = self.trainer is not None and self.trainer.step == self.trainer.steps  # then the others end by themselves
        return not over and self.ranks.lost_one()

    def _stop_at_once(self) -> None:
        """End the process while nothing is trained yet; called from the thread that looks."""
        with suppress(OSError):
            (self.run.folder / ".ballast").unlink()
        with suppress(OSError):
            self._end("stopped")
        os._exit(0)

    @property
    def _device(self) -> str:
        many = f"{self.ranks.count} x " if self.ranks else ""
        return many + _name(self.trainer.device)

    def _load(self, plan: Plan) -> None:
        """Make the trainer, and let it go on where it had stopped if it had."""
        import torch

        from .loop import Trainer, device_of
        from .ranks import Ranks, join

        config = plan.config
        torch.set_num_threads(1)
        if self._is_rank:
            self.ranks = join(device_of(config), run_minutes())
        self.data = open_data(config)
        train_index, held_index = split(config, self.data.training.labels)
        training, held = self.data.training.at(train_index), self.data.training.at(held_index)
        watched = held
        if config.watch == "test":
            watched = next(iter(self.data.test.values())).at(slice(config.watched))
        self.probes = (held if len(held) else training).at(slice(PROBES))
        trainer = Trainer(config, training, watched if len(watched) else None, self.ranks or Ranks())
        sound, self.repaired = generations.read(self.run.folder)
        for arrays, values in sound:
            try:
                trainer.restore(arrays, values)
                break
            except (KeyError, TypeError, ValueError) as error:
                print(f"A checkpoint that does not fit is passed over: {error}", flush=True)
                self.repaired = True
        if self.ranks:
            self.ranks.from_first(trainer.snapshot())  # the others begin where this one stands
        self.resumed = trainer.step if sound or self.repaired else None
        self.trainer = trainer  # from here on the state tells where it stands

    # ---- Training

    def _train(self, plan: Plan) -> None:
        trainer, folder = self.trainer, self.run.folder
        measure = plan.config.data.measure
        metrics = Metrics(folder / "metrics.jsonl", trainer.step, measure)
        board = open_board(folder / "tensorboard", trainer.step)
        camera = Camera(folder / "film" / "film.bin", plan.config, trainer, self.probes)
        camera.begin()
        row_at = saved_at = trainer.seconds
        try:
            for _ in trainer.updates(self.watch.check):
                if trainer.row_due or trainer.seconds - row_at >= ROW_EVERY:
                    row = trainer.row()
                    row_at = row.seconds
                    metrics.add(row)
                    mirror(board, row, measure)
                    if row_at - saved_at >= SAVE_EVERY:
                        saved_at = row_at
                        self._save()
                        self._check_size()
                camera.take_if_due()
                self.watch.check()
        except (_Stop, _Failed):
            self._save()
            raise
        finally:
            if board:
                board.close()
        camera.take()
        self._save()

    def _save(self) -> None:
        """Save all that is needed to go on."""
        generations.write(self.run.folder, *self.trainer.snapshot())
        self._write(**self._done)

    def _check_size(self) -> None:
        most = run_megabytes()
        if self.run.bytes > most * 2**20:
            told = f"a run's folder may take {most:g} MB. It takes more. Set RNNVIZ_RUN_MB for larger ones."
            raise _Failed("disk_limit", told)

    # ---- The result

    def _result(self) -> Network:
        """Return the network as its file will hold it; Diverged where it cannot."""
        from .loop import Diverged

        try:
            return checkpoints.rounded(self.trainer.network())
        except OverflowError as error:
            raise Diverged(str(error)) from error

    def _score(self, plan: Plan) -> None:
        """Judge it by the test sequences, once, with the weights as they are stored. Folds leave the test set alone."""
        network = self._result()
        self._write(phase="scoring", **self._done)
        self._save_model(plan, network)
        if plan.config.folds:
            return
        told = {}
        for place, (name, part) in enumerate(self.data.test.items()):
            answers = self.trainer.answers(network, part.images, self.watch.check)
            for field, value in judged(name, part, answers, len(self.data.training)).items():
                told.setdefault(field, {}).update(value)
            if not place:
                with _replacing(self.run.folder / "answers.npz") as partial, open(partial, "wb") as file:
                    np.savez(file, **answers)
        self._save_model(plan, network, told)
        print(", ".join(f"{name} {score:.5g}" for name, score in told[plan.config.data.measure].items()), flush=True)

    def _save_model(self, plan: Plan, network: Network, told: Mapping[str, object] = MappingProxyType({})) -> None:
        """Write the result with its card. told: what the test sequences say of it, as fields of the card."""
        import torch

        config, trainer = plan.config, self.trainer
        card = checkpoints.Card(
            name=self.run.name or self.run.id,
            cell=config.cell,
            dataset=described(config, trainer.training_count, len(self.data.training)),
            preprocessing=preprocessing(config),
            training={
                **config.to_dict(),
                f"validation_{config.data.measure}": trainer.kept_score if config.watch == "validation" else None,
                "updates": trainer.step,
                "parameters": network.num_parameters,
                "seconds": round(trainer.seconds, 1),
                "torch": str(torch.__version__),
                "computed_on": self.state.device,
                "computed_in": self.state.precision,
            },
            command=command(config, plan.preset),
            task=config.data.task,
            **told,
        )
        with _replacing(self.run.folder / "model.safetensors") as partial:
            checkpoints.save(network, partial, card)
            partial.chmod(0o644)  # safetensors lets only the owner read what it writes, a server may be someone else

    # ---- state.json

    @property
    def _done(self) -> dict[str, object]:
        trainer = self.trainer
        return {"step": trainer.step, "seconds": round(trainer.seconds, 3)} if trainer else {}

    def _write(self, **changes: object) -> None:
        self.state = replace(self.state, **changes)
        self.run.write_state(self.state)

    def _end(self, state: str, reason: str = "", detail: str = "") -> None:
        self._write(state=state, reason=reason, detail=detail, phase="", ended=time.time(), **self._done)


def judged(name: str, part: Part, answers: Mapping[str, np.ndarray], before: int) -> dict[str, dict[str, object]]:
    """Return as fields of a card what a network's answers to the sequences of a test set say of it.

    before: how many digits of the bundled set lie before its own test digits.
    """
    if (psnr := answers.get("psnr")) is not None:
        psnr = psnr.astype(float)
        return {"psnr": {name: float(psnr.mean())}, "error": {name: float((10 ** (-psnr / 10)).mean())}}
    right = answers["predicted"] == part.labels
    # The last bundled digits are called by their numbers among all of them.
    known, first = ("uci", before) if name == "uci_test" else (name, 0)
    return {"accuracy": {name: float(right.mean())}, "misread": {known: (np.flatnonzero(~right) + first).tolist()}}


def reason_of(error: Exception) -> str:
    """Return which of `runs.REASONS` an error is."""
    text = str(error)
    if isinstance(error, _Failed):
        return error.reason
    if isinstance(error, Refused):  # this machine cannot do what another can
        return "bad_config"
    if type(error).__name__ == "Diverged":  # its class comes with torch
        return "diverged"
    if isinstance(error, MnistMissing):
        return "no_data"
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or any(f"os error {number}" in text for number in (errno.ENOSPC, errno.EDQUOT)):  # safetensors' words
        return "disk_full"
    out = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    if out or any(words in text for words in ("can't allocate memory", "not enough memory", "out of memory")):
        return "memory"
    return "error"


def run_megabytes() -> float:
    """Return how large one run's folder may grow: $RNNVIZ_RUN_MB, else 256."""
    try:
        return max(0.0, float(os.environ.get("RNNVIZ_RUN_MB") or 256))
    except ValueError:
        return 256.0


def described(config: Config, count: int, total: int) -> str:
    """Return in words what `count` of `total` sequences a network was trained on."""
    held = f"the other {total - count:,} were held back" if total > count else "none was held back"
    if config.folds:
        held = f"fold {config.fold + 1} of {config.folds} was held back"
    return f"{KNOWN[config.dataset].format(training=count, total=total)}; {held}."


def preprocessing(config: Config) -> str:
    """Return in words what turns a picture into the network's input."""
    if config.dataset == "halves":
        return "10 steps of 10 numbers from 0 to 255, divided by 255."
    if config.data.task == "upscale":
        late = f", {_count(config.delay, 'step')} later" if config.delay else ""
        return (
            f"28 x 28 grey levels divided by 255, bright ink on black; the mean of every 2 x 2 of them; {READ['rows']}"
            f"{_blank(config.delay)}. Two rows of 28 are written for each of 14 that is read{late}."
        )
    read = READ[config.reading] + _blank(config.delay)
    geometry = "Drawings are brought to MNIST's geometry and pen first."
    return f"28 x 28 grey levels divided by 255, bright ink on black; {read}. {geometry}"


def _blank(delay: int) -> str:
    return f", and {_count(delay, 'blank one')}" if delay else ""


def _count(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Give a path to write to, and move it to `path` in one step: readers meet the old file or the new one."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _name(device) -> str:
    if device.type != "cuda":
        return device.type
    import torch

    return f"cuda ({torch.cuda.get_device_name(device)})"


# ---- Metrics


class Metrics:
    """The rows of a run, each appended in one write. Rows beyond `step` of an earlier worker no longer count.

    measure: what the score of a row is called there.
    """

    def __init__(self, path: Path, step: int, measure: str):
        self.path, self._measure = path, measure
        if path.exists():
            with open(path, "rb") as file:
                file.seek(max(0, path.stat().st_size - 1))
                torn = file.read() not in (b"", b"\n")
            self._append(("\n" if torn else "") + json.dumps({"event": "resumed", "step": step}))

    def add(self, row) -> None:
        values = {name: value for name, value in named(row, self._measure).items() if value is not None}
        short = {name: round(values[name], digits) for name, digits in (("epoch", 4), ("seconds", 3), ("speed", 1))}
        self._append(json.dumps(values | short))

    def _append(self, line: str) -> None:
        data = line.encode() + b"\n"
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            if os.write(file, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        finally:
            os.close(file)


def named(row, measure: str) -> dict[str, object]:
    """Return the values of a row by name, its score under the name of the task's measure."""
    return {measure if name == "score" else name: value for name, value in vars(row).items()}


def open_board(folder: Path, step: int):
    """Return a writer for TensorBoard where $RNNVIZ_TENSORBOARD asks for one and the package is here, else None."""
    if os.environ.get("RNNVIZ_TENSORBOARD", "0") in ("", "0"):
        return None
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        print(f"No mirror for TensorBoard: {error}. Install requirements-tensorboard.txt.", flush=True)
        return None
    return SummaryWriter(str(folder), purge_step=step + 1 if step else None)


def mirror(board, row, measure: str) -> None:
    """Show a row in TensorBoard as well."""
    if board:
        values = named(row, measure)
        for name in ("loss", measure, "learning_rate", "gradient_norm", "speed"):
            if (value := values[name]) is not None:
                board.add_scalar(name, value, row.step)


# ---- The film


class Camera:
    """Films a run: how its gradients run back through a sequence, and its states while it reads one.

    A frame costs a few milliseconds, `PROBES` traces in NumPy. One is taken every `Config.film_every` updates, or,
    where that says nothing, where the share of the training's time that goes into the film stays below `FILM_SHARE`.
    The first and the last are always taken.
    """

    def __init__(self, path: Path, config: Config, trainer, probes):
        self._trainer = trainer
        sequences, asked, self._loss = as_read(config, probes)
        self._probes = list(zip(sequences, asked, strict=True))
        network = trainer.current()
        self._states = network.kind.states
        self._readout, self._signal = ("probs", "probs") if self._loss == "last" else ("outputs", "logits")
        sizes = (config.steps, network.hidden_size, network.num_classes)
        shape = films.Shape.of(*sizes, "c" in self._states, int(probes.labels[0]), self._readout)
        self._projector = films.Projector(path, shape, trainer.step, probes.images[0])
        film = films.read(path)
        self._last = int(film.frames["step"][-1]) if film and len(film) else -1
        self._at = shape.at
        self._every, self._asked = config.film_every or max(1, trainer.steps // FRAMES), bool(config.film_every)
        self._begun, self._spent, self._cost = trainer.seconds, 0.0, 0.0

    def begin(self) -> None:
        """Take the first frame, before the training's time runs."""
        self._frame(self._trainer.current())  # the first trace is slower than all others, and would be the measure
        self.take()
        self._spent = 0.0

    def take_if_due(self) -> None:
        """Take a frame where it is time for one, and time is left or the settings ask for it."""
        if self._trainer.step % self._every:
            return
        if self._asked or self._spent + self._cost <= FILM_SHARE * (self._trainer.seconds - self._begun):
            self.take()

    def take(self) -> None:
        """Take a frame, unless the last one was of the same update."""
        if self._trainer.step == self._last:
            return
        started = time.perf_counter()
        if values := self._frame(self._trainer.current()):
            self._projector.add(self._trainer.step, **values)
        self._last, self._cost = self._trainer.step, time.perf_counter() - started
        self._spent += self._cost

    def _frame(self, network: Network) -> dict[str, np.ndarray]:
        """Return what a frame holds; nothing for a ReLU network whose states leave float64."""
        values = {}
        try:
            traces = [record(network, x, asked, loss=self._loss) for x, asked in self._probes]
        except OverflowError:
            return values
        for state in self._states:
            norms = [measures.gradient_norms(trace, state, relative=True)[self._at] for trace in traces]
            values[f"grad_{state}"] = _median(np.array(norms))
        shown = {"h": traces[0]["h"][-1], self._readout: traces[0][self._signal]}
        largest = np.finfo(np.float16).max
        return values | {name: np.clip(array[self._at], -largest, largest) for name, array in shown.items()}


def _median(norms: np.ndarray) -> np.ndarray:
    """Return the median over probes of log10 norms (N, R); of those that are known: nan says that one is not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # all of a row may be unknown
        return np.nanmedian(norms, axis=0)


if __name__ == "__main__":
    code = main(Path(sys.argv[1]), is_rank="--rank" in sys.argv[2:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # all is written; torch would take a second or two to take itself apart
