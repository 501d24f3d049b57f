"""Runs on real Ray clusters: whatever dies, every run is accounted for, and none is trained twice."""

import json
import os
import signal
from contextlib import ExitStack
from dataclasses import replace

import pytest

from rnnviz.training import cluster as said
from rnnviz.training import runs
from tests.training import clusters
from tests.training.processes import LONG, QUICK, has, home, kill, story, until, wait_for, wait_for_rows

pytestmark = [pytest.mark.ray, pytest.mark.slow]
__all__ = ["home"]

SECONDS = replace(LONG, epochs=300)
"""Some seconds of training: time to kill somebody."""


@pytest.fixture
def stack():
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def alone(stack):
    """A network with nothing but its loopback."""
    return stack.enter_context(clusters.network())


@pytest.fixture
def ray(home, alone, stack):
    """A cluster of one node with two cores."""
    made = stack.enter_context(clusters.cluster(home))
    made.add_node(alone, "127.0.0.1", cpus=2)
    return made


def accounted_for(run: runs.Run) -> None:
    """Assert that a run was trained to its end, once: every update of it, and none twice."""
    assert run.state.state == "finished", story(run)
    steps = [row["step"] for row in run.metrics]
    assert steps == sorted(set(steps))
    assert steps[-1] == run.state.step == run.state.steps
    assert run.model is not None


def at_work(cluster, among: list[runs.Run]) -> list[runs.Run]:
    """Return the runs that train now. One whose trainer was killed says so as well until the dispatcher finds it."""
    return [run for run in among if has(run, "running", "training") and cluster.trainers(run.id)]


def resumed(run: runs.Run) -> list[int]:
    """Return the updates from which a run went on, whenever it did."""
    lines = map(json.loads, filter(str.strip, (run.folder / "metrics.jsonl").read_text().splitlines()))
    return [line["step"] for line in lines if line.get("event") == "resumed"]


def test_a_trainer_is_killed_one_run_cancelled_the_driver_killed_and_a_node_removed(home, alone, stack):
    cluster = stack.enter_context(clusters.cluster(home))
    cluster.add_node(alone, "127.0.0.1")
    cluster.add_node(alone, "127.0.0.2")
    six = [runs.create(replace(SECONDS, seed=seed)) for seed in range(6)]
    first, second, third, fourth, fifth, cancelled = six
    driver = cluster.dispatch(alone)
    wait_for_rows(first)
    wait_for_rows(second)
    assert len(cluster.trainers()) == 2

    kill(cluster.trainers(first.id)[0])
    runs.request_stop(cancelled)
    until(lambda: first.state.attempt == 2 and has(first, "running", "training"), lambda: story(first))

    driver.kill()
    driver.wait()
    until(lambda: not cluster.trainers(), lambda: story(second))  # Ray ends what a dead driver has started
    driver = cluster.dispatch(alone)
    waits = [run for run in six if run.state.state in ("queued", "running")]
    until(lambda: len(at_work(cluster, waits)) == 2, lambda: story(second))

    raylet = cluster.raylet("127.0.0.2")
    (there,) = [run for run in waits if any(_below(raylet, p) for p in cluster.trainers(run.id))]
    until(lambda: (there.folder / "last.safetensors").exists(), lambda: story(there))
    kill(raylet)
    until(lambda: len(said.read().machines) == 1, lambda: said.read())
    for run in six[:5]:
        wait_for(run, "finished")
        accounted_for(run)
    assert cancelled.state.state == "stopped"
    assert there.state.resumed_from is not None
    # Only the trainer that was killed counts as an attempt; what Ray ended does not.
    assert [run.state.attempt for run in six] == [2, 1, 1, 1, 1, 0], story(there)


def test_runs_stop_go_on_and_finish_in_groups_as_they_do_on_one_machine(ray, alone):
    ray.dispatch(alone)
    long = runs.create(LONG)
    wait_for_rows(long)
    runs.request_stop(long)
    wait_for(long, "stopped")
    assert long.model is not None
    runs.resume(long)
    wait_for(long, "running", "training")
    assert long.state.resumed_from == resumed(long)[0] > 0
    runs.request_stop(long)
    wait_for(long, "stopped")

    folds = runs.create_folds(QUICK, 2)
    sweep = ray.command(alone, "train", "--sweep", "hidden_size=4,6", *_set(QUICK, "hidden_size"))
    told, _ = sweep.communicate()
    assert sweep.returncode == 0, told
    points = [run for run in runs.listed() if run.plan.group and run.plan.group.kind == "sweep"]
    assert sorted(run.config.hidden_size for run in points) == [4, 6]
    for run in [*folds, *points]:
        wait_for(run, "finished")
        accounted_for(run)
        assert (run.state.engine, run.state.attempt) == ("ray", 1)


def _set(config, *but: str) -> list[str]:
    """Return the options of `train` that give these settings."""
    plain, other = QUICK.__class__().to_dict(), config.to_dict()
    changed = [name for name, value in other.items() if value != plain[name] and name not in but]
    return [word for name in changed for word in ("--set", f"{name}={other[name]}")]


def test_a_trainer_that_hangs_is_ended_when_it_is_to_stop(ray, alone):
    run = runs.create(LONG)
    ray.dispatch(alone)
    wait_for_rows(run)
    (trainer,) = ray.trainers(run.id)
    trainer.send_signal(signal.SIGSTOP)
    runs.request_stop(run)
    wait_for(run, "stopped")
    until(lambda: not ray.trainers(run.id))


def test_a_group_of_ranks_trains_in_one_task_and_is_begun_again_when_a_rank_dies(ray, alone):
    run = runs.create(replace(SECONDS, ranks=2, epochs=30))
    ray.dispatch(alone)
    wait_for_rows(run)
    kill(max(ray.trainers("--rank"), key=lambda process: process.pid))
    until(lambda: run.state.attempt == 2, lambda: story(run))
    wait_for(run, "finished")
    accounted_for(run)
    assert run.state.attempt == 2


def test_runs_share_gpus_as_they_are_told_and_what_no_machine_has_waits_and_is_told(home, alone, stack, monkeypatch):
    cluster = stack.enter_context(clusters.cluster(home))
    cluster.add_node(alone, "127.0.0.1", cpus=3, gpus=2)  # that there are none is found out by who computes on one
    cluster.dispatch(alone, RNNVIZ_GPUS_PER_RUN="0.5")
    half, plain = runs.create(LONG), runs.create(replace(LONG, device="cpu"))
    most = runs.create(replace(QUICK, gpus=4))
    wait_for_rows(half)
    wait_for_rows(plain)
    assert {run: p.environ()["CUDA_VISIBLE_DEVICES"] for run in (half, plain) for p in cluster.trainers(run.id)} == {
        half: "0",
        plain: "",
    }
    until(lambda: said.read() and said.read().troubles, said.read)
    told = said.read()
    assert told.troubles == {
        most.id: "a machine must have 4 cores and 4 GPUs for this run. The most that one has is 3 cores, and 2 GPUs."
    }
    until(lambda: said.read().machines[0].free_gpus == 1.5, said.read)
    (machine,) = said.read().machines
    assert (machine.cores, machine.free_cores, machine.gpus) == (3, 1, 2)
    assert said.read().slots == 3
    assert has(most, "queued")
    runs.request_stop(most)
    wait_for(most, "stopped")


def test_a_share_that_makes_no_sense_is_refused(ray, alone):
    told = _refused(ray, alone, RNNVIZ_GPUS_PER_RUN="1.5")
    assert "RNNVIZ_GPUS_PER_RUN must be a share from 0 to 1, or 2 to 8 whole ones. Got '1.5'." in told


# ---- Who may start programs


def _refused(cluster, network, **environment: str) -> str:
    """Return what a dispatcher says that does not even start, and assert that it leaves it to pages as well."""
    dispatcher = cluster.command(network, "dispatch", **environment)
    told, _ = dispatcher.communicate()
    assert dispatcher.returncode == 1, told
    assert said.read().error in told
    return told


def test_a_cluster_that_lets_anyone_in_is_refused_unless_that_is_allowed(home, alone, stack):
    cluster = stack.enter_context(clusters.cluster(home, open=True))
    cluster.add_node(alone, "127.0.0.1")
    run = runs.create(QUICK)
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "8" * 64}
    assert "the cluster must ask for a token. It lets anyone in" in _refused(cluster, alone, **token)
    assert "the cluster must ask for a token. It lets anyone in" in _refused(cluster, alone)
    assert has(run, "queued")
    cluster.dispatch(alone, "--insecure")
    wait_for(run, "finished")
    accounted_for(run)


def test_who_shows_no_token_or_a_wrong_one_is_turned_away(ray, alone):
    assert "a token must be shown to the cluster" in _refused(ray, alone, RAY_AUTH_TOKEN="")
    assert "token" in _refused(ray, alone, RAY_AUTH_TOKEN="8" * 64)


def test_a_cluster_that_is_not_there_is_named(home, alone, stack):
    cluster = stack.enter_context(clusters.cluster(home))
    told = _refused(cluster, alone, RAY_ADDRESS="127.0.0.1:6390")
    assert "RAY_ADDRESS must be that of a running cluster. Got '127.0.0.1:6390'" in told


# ---- Two machines


def test_two_machines_joined_by_a_cable_share_the_runs_of_a_folder(home, alone, stack):
    other = stack.enter_context(clusters.network(beside=alone))
    clusters.lay_cable(alone, "10.77.0.1", other, "10.77.0.2")
    cluster = stack.enter_context(clusters.cluster(home))
    cluster.add_node(alone, "10.77.0.1")
    cluster.add_node(other, "10.77.0.2")
    pair = [runs.create(replace(LONG, seed=seed)) for seed in range(2)]
    cluster.dispatch(alone)
    for run in pair:
        wait_for_rows(run)
    where = {clusters.network_of(trainer): run for run in pair for trainer in cluster.trainers(run.id)}
    assert set(where) == {alone.id, other.id}
    assert sorted(machine.name for machine in said.read().machines) == [
        f"{os.uname().nodename} (10.77.0.1)",
        f"{os.uname().nodename} (10.77.0.2)",
    ]

    here, there = where[alone.id], where[other.id]
    runs.request_stop(here)
    wait_for(here, "stopped")
    until(lambda: (there.folder / "last.safetensors").exists(), lambda: story(there))
    alone.run("ip", "link", "set", "cable", "down")
    until(lambda: len(said.read().machines) == 1, said.read)
    # To the head the other machine is lost, but its trainer still holds the run, and nobody doubles it.
    rows = len(there.metrics)
    wait_for_rows(there, rows + 3)
    assert [clusters.network_of(trainer) for trainer in cluster.trainers(there.id)] == [other.id]
    for process in cluster.processes():
        if clusters.network_of(process) == other.id:
            kill(process)
    until(lambda: there.state.resumed_from and cluster.trainers(there.id), lambda: story(there))
    until(lambda: {clusters.network_of(trainer) for trainer in cluster.trainers(there.id)} == {alone.id})
    assert there.state.attempt == 1
    runs.request_stop(there)
    wait_for(there, "stopped")


def _below(raylet, process) -> bool:
    """Return whether a process was started by a node."""
    return raylet in process.parents()
