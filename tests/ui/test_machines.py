"""Where runs are trained: what the Runs and the Train page say of a cluster, in every state that it can be in."""

import json
import re
import time
from dataclasses import replace

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from rnnviz.text import LANGUAGES, Words
from rnnviz.training import cluster, dispatch
from rnnviz.training.cluster import STALE, Cluster
from rnnviz.training.engines import Machine
from rnnviz.ui import live
from rnnviz.ui.markdown import escaped
from rnnviz.ui.runs import heard, known, listing, machines, spoken
from tests.made_runs import at_work, made, made_group, runs_here  # noqa: F401
from tests.what_a_page_says import opened, told

HEAD, ONE, TWO = Machine("head", 8, 5), Machine("gpu-1", 16, 12, 2, 0.75), Machine("gpu-2", 16, 16, 1, 1)
COMMAND = "`python -m rnnviz dispatch --engine ray --stay`"
HOSTILE = ["<img src=x>", "![](http://x)", "[a](b) **c** $d$ `e`", ":red[f] :material/home:", "www.x.com a@x.com"]
TOO_LARGE = "a machine must have 1 cores and 8 GPUs for it. The largest has 16 cores and 2 GPUs."


@pytest.fixture(autouse=True)
def home(monkeypatch, runs_here):  # noqa: F811
    """No runs, nobody who would start them, and a server that is set to use Ray."""
    monkeypatch.setattr(dispatch, "ensure", lambda: None)
    monkeypatch.setenv("RNNVIZ_ENGINE", "ray")
    runs_here.mkdir()
    known.refresh()
    st.cache_resource.clear()
    return runs_here


def say(age: float = 0.0, **values: object) -> None:
    """Say something of a Ray cluster of three machines, `age` seconds ago, as its dispatcher would."""
    sound = {"engine": "ray", "slots": 12, "at_work": 5, "machines": (HEAD, ONE, TWO)}
    cluster.write(Cluster(told=time.time() - age, **sound | values))
    heard.refresh()


def waiting(name: str = "", seconds: float = 300.0):
    """Make a run that waits for so long and return it."""
    run = made("queued", name=name)
    with run.hold():
        run.write_state(replace(run.state, queued=time.time() - seconds))
    known.refresh()
    return run


def look(page: str = "runs", **link: object) -> AppTest:
    known.refresh()
    live.refresh()
    return opened(page, **link)


def summary(app: AppTest) -> str:
    """Return the line that tells of the cluster; "" for none."""
    found = [each.label for each in app.expander if each.label.startswith(("**Cluster**", "**集群**"))]
    return found[0] if found else ""


def all_said(app: AppTest) -> str:
    return "\n".join([summary(app), told(app)])


def rows(app: AppTest) -> list[str]:
    """Return the rows of the table of machines as HTML."""
    found = [json.loads(each.proto.json) for each in app.get("bidi_component") if "clicks" in each.proto.component_name]
    tables = [data["parts"] for data in found if data["label"] == Words("en")("cluster.list")]
    return tables[0] if tables else []


# ---- How much of it is in use


def test_a_cluster_at_work_tells_its_machines_and_what_of_them_is_in_use():
    for _ in range(3):
        waiting()
    with at_work(made("running")):
        say()
        assert summary(look()) == (
            "**Cluster** of 3 machines · in use: 5 of 12 slots, 7 of 40 cores, 1.25 of 3 GPUs · 3 runs wait"
        )
        chinese = summary(look(lang="zh"))
    assert chinese == "**集群**：3 台机器 · 已占用：训练位 5 / 12，核心 7 / 40，GPU 1.25 / 3 · 3 个训练在排队"


def test_an_idle_cluster_without_gpus_tells_no_more_than_there_is():
    made()
    say(at_work=0, machines=(HEAD._replace(free_cores=8),))
    app = look()
    assert summary(app) == "**Cluster** of one machine · in use: 0 of 12 slots, 0 of 8 cores"
    assert "GPU" not in "".join(rows(app))
    assert not app.warning
    assert not app.error


def test_the_cluster_is_told_before_there_is_any_run():
    say()
    app = look()
    assert summary(app)
    assert len(app.info) == 1


def test_who_waits_is_counted_in_the_folders_and_not_by_the_dispatcher():
    waiting(), waiting()
    started = waiting()
    with started.hold():
        started.write_state(replace(started.state, handle="4711:1"))
    say()
    assert summary(look()).endswith("2 runs wait")


def test_fifty_machines_are_a_line_and_a_table():
    made()
    say(machines=tuple(Machine(f"node-{k:02}", 64, 64 - k, 8, 8 - k / 8) for k in range(50)))
    app = look()
    assert summary(app).startswith("**Cluster** of 50 machines · in use: 5 of 12 slots, 1,225 of 3,200 cores, 153.125 ")
    found = rows(app)
    assert len(found) == 50
    assert "node-09" in found[9]
    assert "9 of 64" in found[9]
    assert "1.125 of 8" in found[9]


def test_a_machine_without_gpus_has_a_dash_where_others_have_some():
    made()
    say()
    head, one, _ = rows(look())
    assert head.count("<progress") == 1
    assert "–" in head
    assert "4 of 16" in one
    assert "1.25 of 2" in one
    assert 'value="0.625"' in one
    say(machines=(HEAD,))
    (head,) = rows(look())
    assert "–" not in head


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (-1e-9, "0"), (1.25, "1.25"), (0.1 + 0.2, "0.3"), (0.125, "0.125"), (1 / 3, "0.333"), (100.0, "100")]
    + [(1234567, "1,234,567")],
)
def test_counts_are_told_with_as_many_digits_as_they_need(value, text):
    assert machines.number(value) == text


def test_free_cores_that_are_more_than_there_are_are_not_in_use():
    assert machines._shares(Machine("a", 4, 6, 1, 2)) == ((0.0, 4), (0.0, 1))
    assert "<progress" not in machines._row_html(Words("en"), Machine("a", 0, 0), ["cores"])


# ---- Which engine


def test_of_this_machine_alone_only_that_runs_wait_is_told(monkeypatch):
    monkeypatch.setenv("RNNVIZ_ENGINE", "local")
    made()
    say(engine="local", slots=4, at_work=2, machines=())
    quiet = told(look())
    waiting(), waiting(), waiting()
    app = look()
    assert "At work: 2 of at most 4 at a time · 3 runs wait" in told(app)
    assert "At work" not in quiet
    assert not app.warning
    assert summary(app) == ""


@pytest.mark.parametrize("age", [None, STALE + 1])
def test_of_this_machine_alone_nothing_is_told_that_is_old(monkeypatch, age):
    monkeypatch.delenv("RNNVIZ_ENGINE")
    waiting()
    if age is not None:
        say(age)  # a cluster that was used once
    app = look()
    for word in ("luster", "At work", "Last seen"):
        assert word not in all_said(app)
    assert not app.warning


def test_the_dispatcher_that_is_at_work_knows_better_than_the_server_where_runs_are_trained(monkeypatch):
    waiting()
    monkeypatch.setenv("RNNVIZ_ENGINE", "local")
    say()
    assert summary(look())
    monkeypatch.setenv("RNNVIZ_ENGINE", "ray")
    say(engine="local", machines=())
    app = look()
    assert summary(app) == ""
    assert "At work: 5 of at most 12" in told(app)
    assert "set to use the engine “ray”" in told(app)


def test_an_engine_that_there_is_not_is_not_called_a_cluster(monkeypatch):
    monkeypatch.setenv("RNNVIZ_ENGINE", "**no such**")
    waiting()
    assert "luster" not in all_said(look())


def test_that_ray_could_not_be_used_does_not_concern_a_server_that_does_without(monkeypatch):
    monkeypatch.setenv("RNNVIZ_ENGINE", "local")
    waiting()
    say(error="Ray must be installed.")
    assert not look().error


# ---- What is wrong


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_dispatcher_that_is_silent_while_runs_wait_is_missed(language):
    waiting()
    say(STALE + 5)
    app = look(lang=language)
    assert len(app.warning) == 1
    assert COMMAND in app.warning[0].value
    assert time.strftime("%Y-%m-%d") in app.warning[0].value
    assert summary(app) == ""
    assert Words(language)("cluster.waiting_one", count=1) in told(app)


def test_a_dispatcher_that_is_silent_while_a_run_is_at_work_is_missed():
    with at_work(made("running", queued=time.time() - 300)):
        say(STALE + 5)
        assert "last heard of" in look().warning[0].value


def test_a_dispatcher_that_speaks_is_not_missed():
    waiting()
    say(STALE - 5)
    assert not look().warning


@pytest.mark.parametrize("language", LANGUAGES)
def test_where_nobody_has_said_anything_yet_the_command_is_told(language):
    waiting()
    app = look(lang=language)
    assert COMMAND in app.warning[0].value
    assert Words(language)("cluster.never") in app.warning[0].value


def test_a_dispatcher_that_is_just_being_called_is_waited_for():
    waiting(seconds=3)
    say(3600)
    app = look()
    assert not app.warning
    assert "joining the cluster" in told(app)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_cluster_that_nobody_needs_may_be_silent(language):
    made()
    say(3600)
    app = look(lang=language)
    assert not app.warning
    assert Words(language)("cluster.asleep") in told(app)
    when = spoken.moment(cluster.read().told)
    assert Words(language)("cluster.seen", when=when, machines=3, slots=12) in told(app)
    say(3600, machines=())
    assert "Last seen" not in told(look())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("age", [0.0, 3600.0])
def test_why_the_cluster_cannot_be_used_is_told_in_the_engines_words_after_ours(language, age):
    waiting()
    say(age, error="a token must be shown. [Make](one)", slots=0, machines=())
    app = look(lang=language)
    (error,) = app.error
    assert escaped("a token must be shown. [Make](one)") in error.value
    assert error.value.startswith(Words(language)("cluster.error").partition("{")[0])
    assert COMMAND in error.value
    assert not app.warning


def test_an_error_of_a_time_when_runs_waited_is_no_alarm_any_more():
    made()
    say(3600, error="a token must be shown.")
    app = look()
    assert not app.error
    assert escaped("a token must be shown.") in told(app)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_cluster_without_machines_is_told(language):
    waiting()
    say(machines=(), at_work=0, slots=1)
    app = look(lang=language)
    assert app.warning[0].value == Words(language)("cluster.empty")
    assert summary(app) == ""


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '"' * 99, '{"machines": 3}', '{"engine": "ray"}', '{"engine": "ray", "told": "now"}']
    + ['{"engine": "ray", "told": 1e300}', '{"engine": "ray", "told": -1e12}']
    + ['{"engine": "ray", "told": 1, "machines": [{"name": 1, "cores": 1, "free_cores": 0}]}'],
)
def test_a_broken_file_is_as_none(home, text):
    waiting()
    (home / ".cluster.json").write_text(text)
    assert Words("en")("cluster.never") in look().warning[0].value


# ---- Runs that cannot be started


def test_a_run_that_cannot_be_started_says_so_wherever_it_waits():
    stuck, other = waiting("stuck"), waiting("other")
    say(troubles={stuck.id: TOO_LARGE})
    assert f"Of those that wait, 1 cannot start now: {escaped(TOO_LARGE)}" in told(look())
    words, found = Words("en"), {run.name: known.entry(run) for run in (stuck, other)}
    listed = {name: listing.row_html(words, known.rows([entry])[0]) for name, entry in found.items()}
    assert f'<small title="{TOO_LARGE}">cannot start now</small>' in listed["stuck"]
    assert "cannot start" not in listed["other"]
    assert escaped(TOO_LARGE) in look(runs=stuck.id).warning[0].value
    assert not look(runs=other.id).warning
    train = look("train", runs=stuck.id)
    assert escaped(TOO_LARGE) in train.warning[0].value
    assert "waits for a place" not in told(train)
    assert f"Cannot start now: {escaped(TOO_LARGE)}" in [each.value for each in train.caption]
    assert not look("train", runs=other.id).warning


@pytest.mark.parametrize("page", ["runs", "train"])
@pytest.mark.parametrize("values", [{"age": STALE + 5}, {"error": "a token must be shown."}])
def test_where_nothing_can_be_started_a_run_that_waits_says_so(page, values):
    run = waiting()
    say(**values)
    assert COMMAND in look(page, runs=run.id).warning[0].value


def test_how_many_of_a_group_cannot_be_started_is_told_with_their_reasons():
    members = made_group("kfold", 3, "queued")
    say(troubles={members[0].id: TOO_LARGE, members[2].id: "OSError: <full>"})
    known.refresh()
    row = known.members(members[0].plan.group.id)
    told_of = listing.row_html(Words("en"), row)
    assert f'<small title="{TOO_LARGE}\nOSError: &lt;full&gt;">2 cannot start now</small>' in told_of


def test_a_trouble_is_told_only_of_what_waits_and_only_while_someone_says_it():
    run = waiting()
    say(troubles={run.id: TOO_LARGE})
    assert heard.trouble(run.id, run.state) == TOO_LARGE
    assert heard.trouble(run.id, replace(run.state, handle="4711:1")) == ""
    assert heard.trouble(run.id, replace(run.state, state="stopped")) == ""
    assert heard.trouble("another", run.state) == ""
    say(STALE + 5, troubles={run.id: TOO_LARGE})
    assert heard.trouble(run.id, run.state) == ""


def test_a_trouble_on_this_machine_is_told_as_well(monkeypatch):
    monkeypatch.setenv("RNNVIZ_ENGINE", "local")
    run = waiting()
    say(engine="local", machines=(), troubles={run.id: "OSError: disk full"})
    assert escaped("OSError: disk full") in look(runs=run.id).warning[0].value


def test_equal_reasons_are_told_once_and_a_few_of_the_others():
    runs = [waiting() for _ in range(6)]
    say(troubles={run.id: TOO_LARGE if k < 2 else f"OSError: {k}" for k, run in enumerate(runs)})
    reasons = [each.value for each in look().caption if "cannot start now" in each.value]
    assert len(reasons) == machines.REASONS
    assert reasons[0] == f"Of those that wait, 2 cannot start now: {escaped(TOO_LARGE)}"


# ---- What other machines say


@pytest.mark.parametrize("text", HOSTILE)
def test_names_and_reasons_from_elsewhere_are_shown_as_they_are(text):
    run = waiting()
    say(machines=(HEAD._replace(name=text),), troubles={run.id: text})
    app = look()
    (row,) = rows(app)
    assert re.fullmatch(r'<tr><td class="name"><span>([^<]*)</span></td>.*', row)
    listed = listing.row_html(Words("en"), known.rows([known.entry(run)])[0])
    assert "<img" not in listed
    for page in (app, look(runs=run.id), look("train", runs=run.id)):
        assert escaped(text) in told(page)
        assert text not in told(page)
    say(error=text)
    assert escaped(text) in look().error[0].value
    assert text not in all_said(look())


def test_what_is_endless_is_cut_and_what_has_lines_is_told_in_one():
    run = waiting()
    say(troubles={run.id: "one\n\n    two" + "x" * 100_000})
    why = heard.trouble(run.id, run.state)
    assert why.startswith("one twoxx")
    assert len(why) < 2 * heard.MOST


@pytest.mark.parametrize("device", ["cuda (<b>)", "[a](b)"])
def test_what_a_run_trained_on_is_shown_as_it_is(device):
    run = made(device=device)
    for page in ("runs", "train"):
        shown = told(look(page, runs=run.id))
        assert escaped(device) in shown
        assert device not in shown


# ---- What it costs


def test_the_file_is_read_once_a_second_whoever_asks(monkeypatch):
    say()
    read, count = cluster.read, []
    monkeypatch.setattr(cluster, "read", lambda: count.append(1) or read())
    for _ in range(100):
        assert heard.said().slots == 12
    assert len(count) == 1
    cluster.write(replace(read(), slots=7))
    time.sleep(heard.FRESH + 0.1)
    assert heard.said().slots == 7


def test_it_looks_again_only_while_something_runs_or_waits(monkeypatch):
    every, fragment = [], st.fragment
    monkeypatch.setattr(st, "fragment", lambda f, run_every=None: every.append(run_every) or fragment(f))
    made()
    say()
    look()
    assert set(every) == {None}
    every.clear()
    waiting()
    look()
    assert None not in every
