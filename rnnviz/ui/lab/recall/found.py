"""What can be shown: the shipped recording, and the groups of runs that were trained on this machine."""

from collections.abc import Hashable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from ....text import Words
from ....training import recall
from ....training.config import Config
from ....training.recall import Recording, RecordingError, Result
from ....training.runs import Run
from ... import frame
from ...runs import known, spoken
from ...runs.known import Row, Stamp

NEWEST = 12
"""So many groups are offered, the newest."""


class Shown(NamedTuple):
    """Results side by side, and where they come from."""

    id: str
    """The group's; "" for the recording."""
    results: tuple[Result, ...]
    version: Hashable
    """Another one wherever one of the results is another."""
    recording: Recording | None = None
    row: Row | None = None

    @property
    def blank(self) -> int:
        return self.results[0].config.delay

    @property
    def learners(self) -> dict[str, list[Result]]:
        """The results by learner, in the order of `LEARNERS`, by seed."""
        by_seed = sorted(self.results, key=lambda each: each.config.seed)
        named = {name: [each for each in by_seed if each.learner == name] for name in recall.LEARNERS}
        return {name: own for name, own in named.items() if own}


def groups() -> list[Row]:
    """Return the newest groups of delayed recall on this machine."""
    rows = known.rows(known.entries())
    return [row for row in rows if row.group and row.group.kind == "recall"][:NEWEST]


def group(id: str) -> Shown | None:
    """Return what came of a group so far; None where it is gone, or holds no such networks."""
    row = known.members(id)
    if row is None or row.group.kind != "recall":
        return None
    files = ("config.json", "state.json", "metrics.jsonl", "film/film.bin", "model.safetensors")
    version, results = [], []
    for entry in row.entries:
        folder = str(entry.run.folder)
        stamps = tuple(known.stamp(f"{folder}/{name}") for name in files)
        version.append((folder, entry.standing, stamps))
        if each := _result(entry.run, folder, entry.standing, stamps):
            results.append(each)
    return Shown(id, tuple(results), tuple(version), row=row) if results else None


@lru_cache(256)
def _result(run: Run, folder: str, standing: str, stamps: tuple) -> Result | None:
    return recall.result(run)


def recording() -> Shown | None:
    """Return what the shipped recording holds; None where there is none, or a damaged one."""
    kept = _recording(str(recall.RECORDING), stamp := known.stamp(str(recall.RECORDING)))
    return Shown("", kept.results, stamp, recording=kept) if kept else None


@lru_cache(2)
def _recording(path: str, stamp: Stamp | None) -> Recording | None:
    try:
        return recall.recorded(recall.RECORDING) if stamp else None
    except (RecordingError, OSError) as error:
        frame.log(error)
        return None


def chosen(id: str | None) -> Shown | None:
    """Return the group of this id, else the recording, else the newest group; None where there is nothing."""
    if found := (id and group(id)) or recording():
        return found
    return next((found for row in groups() if (found := group(row.id))), None)


def holds(configs: Sequence[Config], trained: Iterable[Config]) -> bool:
    """Return whether all of these networks are among those trained, whichever digits they read."""
    return {_told(config) for config in configs} <= {_told(config) for config in trained}


def _told(config: Config) -> tuple:
    """Return what the controls tell of a network."""
    return recall.learner_of(config), config.seed, config.delay, config.learning_rate, config.updates


def called(words: Words, row: Row) -> str:
    """Return what a group is called in the list: no two alike, for the browser tells them apart by nothing else."""
    when = spoken.moment(max(entry.when for entry in row.entries))
    return words("recall.group", name=row.name, when=when, letters=row.id[16:20])


def origin(words: Words, shown: Shown) -> str:
    """Return in words how this was trained, when, where and by which command."""
    result = shown.results[0]
    config, about = result.config, shown.recording
    seconds = [each.seconds for each in shown.results if each.state == "finished"]
    clip = f"{config.clip:g}" if config.clip else words("runs.none")
    rates = [
        words(f"recall.used_{kind}", rate=rate)
        for kind in ("rnn", "gated")
        if (rate := settings(shown).get(f"rate_{kind}"))
    ]
    numbers = {"units": config.hidden_size, "updates": config.updates, "batch": config.batch_size, "clip": clip}
    data, rates = words(f"option.dataset.{config.dataset}"), words("runs.comma").join(rates)
    told = [words("recall.means", count=config.data.test)]
    told += [words("recall.constant")] if config.dataset == "mnist" else []
    told.append(words("recall.settings", data=data, rates=rates, **numbers))
    if about:
        told.append(words("recall.recorded_by", made=about.made, device=about.device, torch=about.torch))
    if seconds:
        told.append(words("recall.took", low=min(seconds), high=max(seconds)))
    command = about.command if about else asked(shown)
    return words.join([*told, words("recall.command", command=command)])


def asked(shown: Shown) -> str:
    """Return the command that trains the same group."""
    return recall.command(**settings(shown))


def settings(shown: Shown) -> dict[str, object]:
    """Return what was asked for: learners, first_seed, seeds, blank, both rates, updates."""
    seeds = [each.config.seed for each in shown.results]
    config = shown.results[0].config
    rates = {
        "rate_rnn" if each.config.cell.startswith("rnn") else "rate_gated": each.config.learning_rate
        for each in shown.results
    }
    return {
        "learners": list(shown.learners),
        "first_seed": min(seeds),
        "seeds": len(set(seeds)),
        "blank": config.delay,
        **rates,
        "updates": config.updates,
    }
