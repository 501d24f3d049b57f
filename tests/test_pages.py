"""Every page runs, in both languages, with MNIST and without, and shows no error."""

import subprocess
import sys
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from rnnviz import checkpoints, digits, initial
from rnnviz.digits import mnist
from rnnviz.training import runs
from rnnviz.training.config import Config

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(path.name for path in (ROOT / "pages").glob("*.py"))


@pytest.fixture
def no_mnist(monkeypatch, tmp_path):
    """A machine without MNIST and without a network."""
    status = mnist.Status(state="failed", folder=tmp_path, bad=(), progress=0.0, error="offline")
    monkeypatch.setattr(mnist, "status", lambda *_: status)
    monkeypatch.setattr(mnist, "fetch_in_background", lambda: None)
    st.cache_resource.clear()


@pytest.fixture
def home(monkeypatch, tmp_path):
    """An empty folder for training runs."""
    monkeypatch.setenv("RNNVIZ_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def trained(**settings) -> str:
    """Make a run with an untrained network of these settings and return the name to open it by."""
    config = Config(hidden_size=5, **settings)
    run = runs.create(config, "my run")
    sizes = (config.input_size, config.hidden_size, config.num_layers, config.data.classes)
    network = initial.network(config.cell, *sizes, shared=config.shared, recurrent=config.recurrent)
    card = checkpoints.Card(run.id, config.cell, training=config.to_dict(), accuracy={"mnist": 0.125})
    checkpoints.save(network, run.folder / "model.safetensors", card)
    st.cache_data.clear()
    return f"run:{run.id}"


def open_page(name: str, **link: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "pages" / name), default_timeout=60)
    for key, value in link.items():
        app.query_params[key] = value
    return app.run()


def link(app: AppTest) -> dict[str, str]:
    """Return what the address is made to say."""
    return app.session_state["link"]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_in_both_languages(page, language, no_mnist):
    app = open_page(page, lang=language)
    assert not app.exception
    assert not app.error
    assert len(app.title) == 1


@pytest.mark.parametrize("network", checkpoints.names())
def test_every_shipped_network_steps_through_a_digit(network, no_mnist):
    app = open_page("step.py", net=network, step="3")
    assert not app.exception
    assert link(app)["net"] == network
    assert link(app)["step"] == "3"


@pytest.mark.parametrize(
    ("settings", "rows"),
    [
        ({"cell": "peephole_lstm"}, 28),
        ({"cell": "peephole_lstm_full", "num_layers": 2}, 28),
        ({"cell": "layernorm_lstm"}, 28),
        ({"cell": "lstm", "num_layers": 2, "shared": True}, 28),
        ({"cell": "rnn_relu", "recurrent": "identity"}, 28),
        ({"cell": "gru", "delay": 9}, 37),
        ({"cell": "rnn_tanh", "reading": "pixels"}, 28),
        ({"cell": "lstm", "reading": "permuted", "dataset": "uci", "validation": 0}, 28),
    ],
)
def test_every_kind_of_run_steps_through_a_digit(settings, rows, no_mnist, home):
    name = trained(**settings)
    app = open_page("step.py", net=name, digit="7")
    assert not app.exception
    assert not app.error
    assert link(app)["net"] == name
    assert app.session_state["step"] == rows
    assert any("my run" in caption.value and "12.5%" in caption.value for caption in app.caption)


def test_a_run_stands_among_the_networks_under_its_name(no_mnist, home):
    trained()
    app = open_page("step.py")
    assert "run: my run" in app.selectbox(key="widget_net").options


def test_a_run_that_reads_no_digits_is_not_offered_and_is_refused_in_words(no_mnist, home):
    name = trained(dataset="halves")
    assert "run: my run" not in open_page("step.py").selectbox(key="widget_net").options
    app = open_page("step.py", net=name)
    assert not app.exception
    assert "does not say which digit" in app.error[0].value


def test_a_link_to_a_run_that_is_gone_says_so_and_shows_another_network(no_mnist, home):
    app = open_page("step.py", net="run:20200101-000000-aaaa")
    assert not app.exception
    assert any("left out: net" in warning.value for warning in app.warning)
    assert "net" not in link(app)


def test_a_run_that_went_on_is_read_anew(no_mnist, home):
    name = trained(cell="lstm")
    app = open_page("step.py", net=name, digit="7")
    before = app.session_state["link"]
    network = initial.network("lstm", hidden_size=9, seed=4)
    card = checkpoints.Card(name[4:], "lstm", training=Config(hidden_size=9).to_dict())
    checkpoints.save(network, checkpoints.path(name), card)
    app.run()
    assert not app.exception
    assert app.session_state["link"] == before
    assert any("9 units" in caption.value for caption in app.caption)


def test_without_mnist_the_bundled_digits_serve_and_the_page_says_so(no_mnist):
    app = open_page("step.py")
    assert link(app)["set"] == "uci"
    assert any("MNIST could not be fetched" in caption.value for caption in app.caption)
    assert any("Bundled 8×8 digits" in caption.value for caption in app.caption)


def test_a_link_to_an_mnist_digit_without_mnist_says_what_it_shows_instead(no_mnist):
    app = open_page("step.py", set="mnist", digit="18")
    assert any("MNIST digit 18" in info.value for info in app.info)
    assert any("Bundled 8×8 digits" in caption.value for caption in app.caption)
    assert link(app) == {"set": "mnist", "digit": "18"}  # a reload, once MNIST is here, shows what the link meant


def test_mnist_arriving_does_not_swap_the_digit_on_screen(monkeypatch, no_mnist):
    app = open_page("step.py", digit="7")
    ready = mnist.Status(state="ready", folder=Path(), bad=(), progress=1.0, error="")
    monkeypatch.setattr(mnist, "status", lambda *_: ready)
    app.run()
    assert not app.exception
    assert link(app)["set"] == "uci"
    assert link(app)["digit"] == "7"


def test_a_damaged_network_is_told_in_words_and_another_one_can_be_chosen(monkeypatch, no_mnist, tmp_path):
    for name in checkpoints.names():
        (tmp_path / f"{name}.safetensors").write_bytes((checkpoints.SHIPPED / f"{name}.safetensors").read_bytes())
    (tmp_path / "gru-64.safetensors").write_bytes(b"not a network")
    monkeypatch.setattr(checkpoints, "SHIPPED", tmp_path)
    app = open_page("step.py", net="gru-64")
    assert not app.exception
    assert "gru-64" in app.error[0].value
    app.selectbox(key="widget_net").select("lstm-64").run()
    assert not app.exception
    assert not app.error


def test_a_drawing_in_a_link_is_what_the_network_reads(no_mnist):
    image, _ = digits.sample(5)
    code = digits.pack(digits.quantise(image))
    app = open_page("step.py", draw=code)
    assert not app.exception
    assert link(app)["draw"] == code
    assert any(r"lstm\-128" in caption.value for caption in app.caption)


def test_without_any_network_the_page_says_how_to_get_one(monkeypatch, no_mnist, tmp_path):
    monkeypatch.setattr(checkpoints, "SHIPPED", tmp_path)
    app = open_page("step.py")
    assert not app.exception
    assert "python -m rnnviz train" in app.error[0].value


def test_no_page_loads_torch():
    code = (
        "import sys; from streamlit.testing.v1 import AppTest\n"
        f"for page in {PAGES}:\n"
        f"    assert not AppTest.from_file(f'{ROOT}/pages/{{page}}', default_timeout=60).run().exception\n"
        "assert not {'torch', 'torchvision'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
