"""The form of the Train page: a preset, its settings, and what would be started with them.

Settings live in `st.session_state` under "set_<name>", one for each field of Config. Those that do not apply, such as
the forget bias of a cell without a forget gate, are hidden and count as their defaults.
"""

import html
import importlib.util
import math
import time
from dataclasses import dataclass, fields, replace

import streamlit as st

from ..cells import CELLS
from ..digits import mnist
from ..text import Words
from ..training import config as settings
from ..training import estimate, runs
from ..training.config import CHOICES, DATASETS, INTEGERS, NUMBERS, OPTIONAL, SWITCHES, Config, Refused
from ..training.presets import PRESETS, command
from . import frame, live, state
from .callbacks import answered

GROUPS = {
    "network": ("cell", "hidden_size", "num_layers", "shared", "forget_bias", "recurrent", "gain", "start"),
    "reads": ("dataset", "reading", "delay", "augment", "thickness"),
    "learns": ("optimiser", "learning_rate", "schedule", "epochs", "max_updates", "batch_size", "clip"),
    "judged": ("validation", "watch", "watch_every", "film_every", "keep"),
    "machine": ("seed", "precision", "device", "gpus", "ranks"),
}
"""Every field of Config but those of the fold, which the mode decides."""
KINDS = ("quick", "shipped", "source", "better")
MODES = ("one", "kfold", "sweep")
STEPS = {
    "hidden_size": 8, "batch_size": 16, "validation": 500, "watch_every": 10, "film_every": 10, "delay": 7,
    "max_updates": 100, "learning_rate": 0.001, "gain": 0.1, "thickness": 0.1, "clip": 0.5, "forget_bias": 0.5,
}  # fmt: skip
"""What the + and - beside a number add; 1 where nothing is said."""
EXAMPLES = {
    "hidden_size": "16, 32, 64, 128", "num_layers": "1, 2, 3", "forget_bias": "none, 1, 5", "gain": "0.5, 1, 1.5",
    "delay": "0, 14, 28", "thickness": "0, 0.3, 0.7", "learning_rate": "0.001, 0.003, 0.01", "epochs": "1, 2, 4",
    "max_updates": "200, 500, 1000", "batch_size": "32, 64, 128", "clip": "none, 1", "validation": "1000, 5000",
    "watch_every": "0, 50", "film_every": "0, 10", "seed": "0, 1, 2", "gpus": "1, 2, 4",
    "ranks": "1, 2, 4",
}  # fmt: skip
"""The values that a sweep over a number begins with."""
ANY = 10**12
"""Numbers may be written up to it: what cannot be is refused in words; a widget's own limit would only glow red."""
QUIET = 2.0
"""Seconds after a start in which another click on the button is the same click."""


@dataclass(frozen=True)
class Order:
    """What the button would start."""

    mode: str
    """One of MODES."""
    config: Config
    preset: str
    name: str
    count: int = 1
    """How many runs."""
    grid: tuple[tuple[str, tuple], ...] = ()
    """Of a sweep: the settings and their values."""


class Problem(ValueError):
    """Why nothing can be started, in the reader's words."""


def show(words: Words) -> None:
    """Show the form."""
    _prepare()
    with st.container(key="choose", gap="small"):
        _choose_preset(words)
        _choose_mode(words)
        try:
            order = _order(words)
        except Problem as problem:
            st.error(str(problem), icon=":material/block:")
            order = None
        _start_row(words, order)
    with st.container(key="settings", gap="xsmall"):
        _settings(words)
    if order:
        with st.container(key="told", gap="xsmall"):
            state.remember(
                st.text_input, words("train.name"), key="run_name", max_chars=runs.MAX_NAME, placeholder=_title(order)
            )
            st.caption(words("train.command"))
            st.code(_command(order), language=None, wrap_lines=True)


# ---- Preset and mode


def _prepare() -> None:
    """Put settings into the session: a run's that is to be trained again, else a preset's, the link's if it has one."""
    now = st.session_state
    if again := now.pop("again", None):
        preset, config = again
        _load(preset if preset in PRESETS else next(iter(PRESETS)), config)
        now["mode"] = "kfold" if config.folds else "one"
        now["k"] = config.folds or 5
    ready = mnist.status().state == "ready"
    now.setdefault("preset", "fastest" if ready else "bundled")
    if now.get("preset_loaded") != now["preset"]:
        _load(now["preset"])
    for key, value in {"mode": "one", "k": 5, "run_name": "", "vary_1": "learning_rate", "vary_2": ""}.items():
        now.setdefault(key, value)


def _load(name: str, config: Config | None = None) -> None:
    """Take over the settings of a preset, or others that began as that preset."""
    now = st.session_state
    now["preset"] = now["preset_loaded"] = name
    now["kind"] = PRESETS[name].kind
    for field in fields(Config):
        value = getattr(config or PRESETS[name].config, field.name)
        is_float = field.name in NUMBERS or (field.name in OPTIONAL and value is not None)
        now[f"set_{field.name}"] = float(value) if is_float else value


def _choose_preset(words: Words) -> None:
    now = st.session_state
    state.remember(
        st.segmented_control,
        words("train.kind"),
        KINDS,
        format_func=lambda kind: words(f"kind.{kind}"),
        key="kind",
        on_change=lambda: _load(next(name for name, preset in PRESETS.items() if preset.kind == now["kind"])),
        required=True,
        width="stretch",
        label_visibility="collapsed",
    )
    state.remember(
        st.selectbox,
        words("train.preset"),
        [name for name, preset in PRESETS.items() if preset.kind == now["kind"]],
        format_func=_preset_title,
        key="preset",
        on_change=lambda: _load(now["preset"]),
        filter_mode=None,
        label_visibility="collapsed",
    )
    name = now["preset"]
    chosen = PRESETS[name]
    st.markdown(words(f"preset.{name}.about"))
    if chosen.better:
        if chosen.config.watch == "test" and now.get("mode") != "kfold":
            st.caption(words("train.judged_on_test"))
        label = words("train.better", preset=chosen.better)
        st.button(label, icon=":material/upgrade:", key="better", on_click=answered(_load), args=(chosen.better,))


def _preset_title(name: str) -> str:
    source = PRESETS[name].source
    return f"{name} ({source})" if source else name


def _choose_mode(words: Words) -> None:
    now = st.session_state
    state.remember(
        st.segmented_control,
        words("train.mode"),
        MODES,
        format_func=lambda mode: words(f"train.{mode}"),
        key="mode",
        required=True,
        width="stretch",
        label_visibility="collapsed",
    )
    if now["mode"] == "kfold":
        st.caption(words("train.kfold_help"))
        state.remember(st.number_input, words("train.k"), -ANY, ANY, key="k")
    elif now["mode"] == "sweep":
        st.caption(words("train.sweep_help"))
        names = [name for group in GROUPS.values() for name in group]
        for key, options in (("vary_1", names), ("vary_2", ["", *names])):
            state.remember(
                st.selectbox,
                words(f"train.{key}"),
                options,
                format_func=lambda name: words(f"field.{name}.label") if name else words("train.nothing"),
                key=key,
            )
            if now[key]:
                _ask_values(words, now[key], key)


def _ask_values(words: Words, name: str, place: str) -> None:
    """Ask for the values of a setting that a sweep goes through."""
    key, label = f"values_{name}_{place}", words("train.values", field=words(f"field.{name}.label"))
    if name in CHOICES or name in SWITCHES:
        options = list(CHOICES.get(name, (True, False)))
        st.session_state.setdefault(key, ["lstm", "peephole_lstm"] if name == "cell" else options[:2])
        names = {option: _option(words, name, option) for option in options}
        state.remember(st.multiselect, label, options, format_func=names.get, key=key)
    else:
        st.session_state.setdefault(key, EXAMPLES[name])
        hint = words("train.values_hint", example=EXAMPLES[name])
        state.remember(st.text_input, label, key=key, placeholder=hint)


# ---- What would be started


def _order(words: Words) -> Order:
    """Return what the form asks for; Problem where it cannot be."""
    now = st.session_state
    values = applied({field.name: now[f"set_{field.name}"] for field in fields(Config)}, now["mode"])
    if now["mode"] == "kfold":
        values["folds"] = now["k"]
    try:
        order = Order(now["mode"], Config(**values), now["preset"], now["run_name"].strip())
        return _sweep(words, order) if now["mode"] == "sweep" else replace(order, count=max(1, order.config.folds))
    except Refused as refused:
        raise Problem(refusal(words, refused, values)) from None


def applied(values: dict[str, object], mode: str = "one") -> dict[str, object]:
    """Return the settings with those that do not apply at their defaults."""
    defaults, sound = Config().to_dict(), {}
    for name, value in values.items():
        sound[name] = value if _applies(name, sound | {name: value}, mode) else defaults[name]
    return sound


def _applies(name: str, values: dict[str, object], mode: str) -> bool:
    """Return whether a setting means anything beside those that stand before it."""
    if name == "shared":
        return values["num_layers"] != 1
    if name == "forget_bias":
        return "f" in CELLS[values["cell"]].blocks
    if name == "reading":  # other sequences are only read row by row
        return DATASETS[values["dataset"]].of_digits
    if name in ("augment", "thickness"):
        return values["dataset"] != "halves"
    if name == "delay":
        return values["reading"] == "rows"
    if name == "gpus":
        return values["device"] != "cpu"
    if name == "ranks":  # each GPU brings its own
        return not values["gpus"]
    if name in ("watch", "keep"):  # a cross-validation leaves the test digits alone, and does not choose by its fold
        return mode != "kfold"
    return name not in ("folds", "fold")


def _sweep(words: Words, order: Order) -> Order:
    now = st.session_state
    names = [now[key] for key in ("vary_1", "vary_2") if now[key]]
    if len(set(names)) < len(names):
        raise Problem(words("refusal.sweep_same"))
    grid = tuple((name, _values(words, name, key)) for name, key in zip(names, ("vary_1", "vary_2"), strict=False))
    count = math.prod(len(values) for _, values in grid)
    if count < 2:
        raise Problem(words("refusal.sweep_few"))
    if count > runs.MAX_SWEEP:
        raise Problem(words("refusal.sweep_many", count=count, most=runs.MAX_SWEEP))
    if len({DATASETS[name].task for name in dict(grid).get("dataset", ())}) > 1:
        raise Problem(words("refusal.sweep_tasks"))
    points = [{}]
    for name, values in grid:
        points = [point | {name: value} for point in points for value in values]
    for point in points:
        try:
            Config(**order.config.to_dict() | point)
        except Refused as refused:
            raise Problem(refusal(words, refused, order.config.to_dict() | point)) from None
    return replace(order, count=count, grid=grid)


def _values(words: Words, name: str, place: str) -> tuple:
    """Return the different values that were written for a setting, in their order."""
    given = st.session_state[f"values_{name}_{place}"]
    if not isinstance(given, str):
        return tuple(given)
    found = []
    for text in filter(None, (part.strip() for part in given.replace("，", ",").split(","))):
        try:
            found.append(settings.parse(name, text))
        except Refused:
            label = words(f"field.{name}.label")
            raise Problem(words("refusal.number", field=label, text=text, example=EXAMPLES[name])) from None
    return tuple(dict.fromkeys(found))


def refusal(words: Words, refused: Refused, values: dict[str, object]) -> str:
    """Return in the reader's words why these settings cannot be."""
    code = refused.code
    if code in settings.TOGETHER:
        known = DATASETS[values["dataset"]].training
        held = round(known / values["folds"]) if values["folds"] > 0 else values["validation"]
        batch = values["batch_size"] * max(1, values["gpus"], values["ranks"])
        updates = values["epochs"] * math.ceil(max(0, known - held) / max(1, batch))
        updates = min(updates, values["max_updates"] or updates)
        numbers = {"training": known, "held": held, "updates": updates, "most": settings.MAX_UPDATES}
        numbers |= {"folds": INTEGERS["folds"][1], "batch": batch, "largest": settings.MAX_BATCH}
        return words(f"refusal.{code}", **numbers)
    label = words(f"field.{code}.label")
    if bounds := (INTEGERS | NUMBERS | OPTIONAL).get(code):
        low, high = (f"{bound:,f}".rstrip("0").rstrip(".") for bound in bounds)
        return words("refusal.range", field=label, low=low, high=high)
    options = CHOICES.get(code, (True, False))
    choices = words("runs.comma").join(_option(words, code, each) for each in options)
    return words("refusal.choice", field=label, choices=choices)


# ---- Starting


def _start_row(words: Words, order: Order | None) -> None:
    """Show what it takes, and the button."""
    now = st.session_state
    needs_mnist = order is not None and _reads_mnist(order)
    missing = needs_mnist and mnist.status().state != "ready"
    if missing:
        _about_mnist(words)
    no_torch = importlib.util.find_spec("torch") is None
    if no_torch:
        st.warning(words("train.no_torch"), icon=":material/extension_off:")
    if order:
        st.html(f'<p class="facts">{" · ".join(map(html.escape, _facts(words, order)))}</p>')
    with st.container(horizontal=True, vertical_alignment="center", key="start_row"):
        st.button(
            words("train.start") if order is None or order.count == 1 else words("train.start_many", count=order.count),
            type="primary",
            icon=":material/play_arrow:",
            key="start",
            disabled=order is None or missing or no_torch,
            on_click=answered(_start),
            args=(order,),
        )
        if order and (different := _different(order)):
            _changed(words, different)
    if problem := now.get("start_problem"):
        st.error(words("train.not_started", why=words(f"train.{problem}", most=runs.MAX_WAITING)))


def _facts(words: Words, order: Order) -> list[str]:
    """Return how large it is, and how long it may take."""
    config, many = order.config, order.count > 1
    key = "train.updates_each" if many else "train.updates"
    facts = [
        words("train.parameters", count=estimate.parameters(config)),
        words(key, count=config.updates, runs=order.count),
    ]
    expected = live.expected(config)
    takes = live.duration(words, expected * order.count)
    facts.append(words("train.measured_time" if expected.basis == "measured" else "train.guessed_time", time=takes))
    if config.processes > 1 or config.gpus:
        many = "gpus" if config.gpus else "ranks"
        return [*facts, words(f"train.{many}", count=config.processes)]
    return [*facts, words("train.device" if config.device == "auto" else "train.cpu")]


def _different(order: Order) -> list[str]:
    """Return the settings in which it differs from its preset, as far as these apply."""
    base = applied(PRESETS[order.preset].config.to_dict(), order.mode)
    return [name for name, value in order.config.to_dict().items() if value != base[name] and name != "folds"]


def _changed(words: Words, names: list[str]) -> None:
    """Say what differs from the preset, and offer to go back."""
    labels = words("runs.comma").join(words(f"field.{name}.label") for name in names)
    key = "train.changed_one" if len(names) == 1 else "train.changed"
    st.button(
        words("train.reset"),
        icon=":material/undo:",
        type="tertiary",
        key="reset",
        help=words(key, count=len(names), fields=labels),
        on_click=answered(lambda: _load(st.session_state["preset"])),
    )
    st.caption(words(key, count=len(names), fields=labels))


def _reads_mnist(order: Order) -> bool:
    swept = dict(order.grid).get("dataset", (order.config.dataset,))
    return any(DATASETS[name].needs_mnist for name in swept)


def _about_mnist(words: Words) -> None:
    """Say that MNIST is missing, and offer what can be done about it."""
    st.warning(words("train.no_mnist"), icon=":material/cloud_off:")
    with st.container(horizontal=True):
        st.button(words("train.use_bundled"), key="use_bundled", on_click=answered(_load), args=("bundled",))
        comes = _fetch_button(words)
    st.fragment(_fetching, run_every=2 if comes else None)(words, comes)


def offer_mnist(words: Words) -> None:
    """Offer to fetch MNIST, and say how far that is."""
    comes = _fetch_button(words)
    st.fragment(_fetching, run_every=2 if comes else None)(words, comes)


def _fetch_button(words: Words) -> bool:
    """Show the button that fetches MNIST, and return whether it is on its way."""
    comes = mnist.status().state == "downloading"
    label, fetch = words("train.fetch"), mnist.fetch_in_background
    st.button(label, icon=":material/download:", key="fetch", on_click=answered(fetch), disabled=comes)
    return comes


def _fetching(words: Words, comes: bool) -> None:
    status = mnist.status()
    if comes != (status.state == "downloading"):
        st.rerun()
    if status.state == "downloading":
        st.progress(status.progress, words("train.fetching", progress=status.progress))
    elif status.state == "failed":
        st.caption(words("train.fetch_failed"))


def _start(order: Order) -> None:
    """Queue what was asked for; a second click just after the first is the same click."""
    now = st.session_state
    if time.monotonic() - now.get("started_at", -math.inf) < QUIET:
        return
    id, name = runs.new_id(), order.name or _title(order)
    now["start_problem"] = None
    try:
        if order.mode == "kfold":
            started = runs.create_folds(order.config, order.count, name, order.preset, id)
        elif order.mode == "sweep":
            grid = {name: list(values) for name, values in order.grid}
            started = runs.create_sweep(order.config, grid, name, order.preset, id)
        else:
            started = [runs.create(order.config, name, order.preset, id=id)]
    except runs.RunError:
        now["start_problem"] = "too_many"
        return
    except OSError as error:
        frame.log(error)
        now["start_problem"] = "disk"
        return
    now["started_at"] = time.monotonic()
    now["runs"], now["followed"], now["gone"] = [started[0].id], id, None
    live.refresh()


def _title(order: Order) -> str:
    """Return a name for the run: the preset and what differs from it."""
    changed = [f"{name}={getattr(order.config, name)}" for name in _different(order)]
    return ", ".join([order.preset, *changed])[: runs.MAX_NAME]


def _command(order: Order) -> str:
    parts = [command(order.config, order.preset).replace(f" --set folds={order.config.folds}", "")]
    if order.mode == "kfold":
        parts.append(f"--kfold {order.count}")
    for name, values in order.grid:
        parts.append(f"--sweep {name}={','.join(str(value).lower() for value in values)}")
    return " ".join(parts)


# ---- The settings


def _settings(words: Words) -> None:
    now = st.session_state
    values = {field.name: now[f"set_{field.name}"] for field in fields(Config)}
    sound = applied(values, now["mode"])
    for group, names in GROUPS.items():
        with st.expander(f"**{words(f'group.{group}')}**", key=f"group_{group}"):
            for name in names:
                instead = now["mode"] == "kfold" and name == "validation"  # a fold takes its place
                if _applies(name, sound, now["mode"]) and not instead:
                    _setting(words, name)
    # The summaries stand beside the names by style: an expander whose label changes would shut under one's hands.
    folds = now["k"] if now["mode"] == "kfold" else 0
    told = {group: words("runs.comma").join(summary(words, group, sound, folds)) for group in GROUPS}
    rules = [f'.st-key-group_{group} summary p::after {{ content: "{text}"; }}' for group, text in told.items()]
    st.html(f"<style>{''.join(rules)}</style>")


def _setting(words: Words, name: str) -> None:
    """Show the widget of a setting."""
    label, help, key = words(f"field.{name}.label"), words(f"field.{name}.help"), f"set_{name}"
    if name in CHOICES:
        names = {option: _option(words, name, option) for option in CHOICES[name]}
        options = {"format_func": names.get, "key": key, "help": help}
        if len(names) <= 3 and sum(map(len, names.values())) < 40:
            state.remember(st.segmented_control, label, CHOICES[name], required=True, **options)
        else:
            state.remember(st.selectbox, label, CHOICES[name], filter_mode=None, **options)
    elif name in SWITCHES:
        state.remember(st.toggle, label, key=key, help=help)
    elif name in INTEGERS:
        state.remember(st.number_input, label, -ANY, ANY, step=STEPS.get(name, 1), key=key, help=help)
    else:
        options = {"step": STEPS[name], "format": "%g", "key": key, "help": help}
        if name in OPTIONAL:
            options |= {"value": None, "placeholder": words(f"field.{name}.empty")}
        state.remember(st.number_input, label, -float(ANY), float(ANY), **options)


def _option(words: Words, name: str, value: object) -> str:
    """Return what a value of a setting is called."""
    return words(f"cell.{value}") if name == "cell" else words(f"option.{name}.{str(value).lower()}")


def summary(words: Words, group: str, values: dict[str, object], folds: int = 0) -> list[str]:
    """Return what a group of settings amounts to, in a few words each; what is as usual is left out."""
    if group == "network":
        told = [_option(words, "cell", values["cell"]), words("summary.units", count=values["hidden_size"])]
        if values["num_layers"] != 1:
            told.append(words("summary.layers", count=values["num_layers"]))
        if values["shared"]:
            told.append(words("summary.shared"))
        if values["forget_bias"] is not None:
            told.append(words("summary.forget", value=values["forget_bias"]))
        if values["recurrent"] != "default":
            told.append(_option(words, "recurrent", values["recurrent"]))
        if values["gain"] != 1.0:
            told.append(f"× {values['gain']:g}")
        if values["start"] != "zeros":
            told.append(_option(words, "start", values["start"]))
    elif group == "reads":
        reading = values["reading"]
        told = [_option(words, "dataset", values["dataset"]), words(f"summary.{reading}")]
        if values["delay"]:
            told.append(words("summary.delay", count=values["delay"]))
        if values["augment"]:
            told.append(words("summary.augmented"))
        if values["thickness"]:
            told.append(words("summary.thickness", value=values["thickness"]))
    elif group == "learns":
        optimiser = _option(words, "optimiser", values["optimiser"])
        told = [words("summary.optimiser", optimiser=optimiser, rate=values["learning_rate"])]
        told.append(_option(words, "schedule", values["schedule"]))
        epochs = "summary.epoch" if values["epochs"] == 1 else "summary.epochs"
        told.append(words(epochs, epochs=values["epochs"], batch=values["batch_size"]))
        if values["max_updates"]:
            told.append(words("summary.max_updates", count=values["max_updates"]))
        if values["clip"] is not None:
            told.append(words("summary.clip", value=values["clip"]))
    elif group == "judged":
        if folds:
            told = [words("summary.fold", count=folds)]
        elif values["validation"]:
            told = [words("summary.held_back", count=values["validation"])]
        else:
            told = [words("summary.nothing_held_back")]
        if values["watch"] == "test":
            told.append(words("summary.on_test"))
        if values["film_every"]:
            told.append(words("summary.film_every", count=values["film_every"]))
        if values["keep"] == "best":
            told.append(words("summary.best"))
    else:
        told = [words("summary.seed", value=values["seed"]), _option(words, "precision", values["precision"])]
        told.append(_option(words, "device", values["device"]))
        if values["gpus"]:
            told.append(words("summary.gpus", count=values["gpus"]))
        if values["ranks"] != 1:
            told.append(words("summary.ranks", count=values["ranks"]))
    return told
