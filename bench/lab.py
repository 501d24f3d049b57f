"""How fast is the gradient lab? Redrawing the fan while a slider moves, and the Jacobians of every step.

    python bench/lab.py

fan         the numbers of one seed over 16 digits and the figure that shows them, which is what one move of a slider
            costs the server at 28 steps (the lab's goal: under 100 ms), and at 784 steps with 8 digits
products    ‖∂h_T/∂h_t‖ for every step t, against torch.autograd.functional.jacobian of the steps after t, in a loop
spectra     every step's Jacobian with its singular values, against torch.autograd.functional.jacobian in a loop over
            the steps and torch's singular values of what it gives (goal: 20 times)
radius      the same and the spectral radius. LAPACK's eigenvalues take most of the time on both sides

One thread, float64. The ways take turns; medians and their ratios, pair by pair, are printed.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # before NumPy loads, as a server has it

import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from time import perf_counter  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np  # noqa: E402
import torch  # noqa: E402

from rnnviz import digits, fan, initial, measures, record  # noqa: E402
from rnnviz.figures import over_time, style  # noqa: E402
from rnnviz.training import unrolled  # noqa: E402

ROUNDS = 9
FANS = {
    "RNN": [fan.Beginning("rnn_tanh")],
    "LSTM, forget bias": [fan.Beginning("lstm", forget_bias=2.0)],
    "RNN, LSTM, GRU": [fan.Beginning(cell) for cell in ("rnn_tanh", "lstm", "gru")],
    "six curves": [
        fan.Beginning(cell, start, 1.1) for cell in ("rnn_tanh", "lstm", "gru") for start in ("default", "orthogonal")
    ],
}


def probes(count: int) -> tuple[np.ndarray, list[int]]:
    images, labels = zip(*(digits.sample(k) for k in range(count)), strict=True)
    return np.array(images), list(labels)


def redraw(beginnings: list[fan.Beginning], sequences: np.ndarray, labels: list[int], seed: int) -> str:
    """Return the fan's figures as the browser gets them."""
    networks = [begun.network(sequences.shape[-1], seed) for begun in beginnings]
    found = [[fan.norms(network, *pair) for pair in zip(sequences, labels, strict=True)] for network in networks]
    sent = []
    for state in ("h", "c"):
        lines = []
        for begun, norms in zip(beginnings, found, strict=True):
            if state in begun.states:
                band = fan.band(fan.relative(np.array([each[state] for each in norms])))
                line = over_time.Line("", band.median, style.CELLS["light"][begun.cell], "solid", band.low, band.high)
                lines.append(line)
        if lines:
            axis = over_time.Axis("", holds=(0.0, -1.0))
            sent.append(over_time.over_time(lines, axis, "", {"line": "", "mark": ""}).to_json())
    return "".join(sent)


def steps_of(network, trace) -> tuple[Callable, torch.Tensor, torch.Tensor]:
    """Return one step as a function of (state, input), the states before each step (T, S) and the inputs (T, D)."""
    layer, names, H = unrolled.layers(network)[0], network.kind.states, network.hidden_size

    def step(flat: torch.Tensor, x_t: torch.Tensor) -> torch.Tensor:
        values = unrolled.step(network.cell, layer, x_t, dict(zip(names, flat.split(H), strict=True)))
        return torch.cat([values[name] for name in names])

    states = np.concatenate([trace[name][0] for name in names], axis=1)
    before = np.concatenate([np.zeros((1, states.shape[1])), states[:-1]])
    return step, torch.tensor(before), torch.tensor(trace["x"])


def torch_products(network, trace) -> np.ndarray:
    step, states, x = steps_of(network, trace)
    H, norms = network.hidden_size, []
    for t in range(1, len(x)):

        def tail(h, t=t):
            flat = torch.cat([h, states[t][H:]])
            for x_t in x[t:]:
                flat = step(flat, x_t)
            return flat[:H]

        norms.append(torch.linalg.matrix_norm(torch.autograd.functional.jacobian(tail, states[t][:H]), ord=2))
    return torch.stack([*norms, torch.ones(())]).log10().numpy()


def torch_jacobians(network, trace) -> torch.Tensor:
    step, states, x = steps_of(network, trace)
    each = zip(states, x, strict=True)
    return torch.stack(
        [torch.autograd.functional.jacobian(lambda s, x_t=x_t: step(s, x_t), state) for state, x_t in each]
    )


def torch_spectra(network, trace) -> np.ndarray:
    return torch.linalg.svdvals(torch_jacobians(network, trace)).numpy()


def torch_radius(network, trace) -> np.ndarray:
    J = torch_jacobians(network, trace)
    torch.linalg.svdvals(J)
    return torch.linalg.eigvals(J).abs().amax(dim=1).numpy()


def our_spectra(network, trace) -> np.ndarray:
    values = {name: trace[name][0] for name in network.signals} | {"h0": trace.h0[0]}
    return np.linalg.svd(network.kind.jacobians(network.layers[0], values), compute_uv=False)


def our_radius(network, trace) -> np.ndarray:
    return measures.step_spectra(network, trace).radius


WAYS = {
    "products": (torch_products, measures.jacobian_norms, 3),
    "spectra": (torch_spectra, our_spectra, ROUNDS),
    "radius": (torch_radius, our_radius, ROUNDS),
}
"""What is compared: torch's loop, ours, and how often."""


def seconds(call: Callable) -> float:
    started = perf_counter()
    call()
    return perf_counter() - started


def main() -> None:
    torch.set_num_threads(1)
    print(f"fan, H=64, one seed, medians of {ROUNDS} in milliseconds")
    print(f"{'curves':20} {'28 steps, 16 digits':>20} {'784 steps, 8 digits':>20}")
    rows, labels = probes(16)
    for name, beginnings in FANS.items():
        times = []
        for sequences, count, rounds in ((rows, 16, ROUNDS), (digits.as_sequences(rows, "permuted"), 8, 3)):
            redraw(beginnings, sequences[:count], labels[:count], 0)
            taken = [seconds(lambda: redraw(beginnings, sequences[:count], labels[:count], 1)) for _ in range(rounds)]  # noqa: B023
            times.append(1e3 * float(np.median(taken)))
        print(f"{name:20} {times[0]:20.1f} {times[1]:20.0f}")

    print("\nJacobians, 28 steps, H=64, medians in milliseconds; ratio: torch's loop over ours, pair by pair")
    print(f"{'cell':10} {'what':10} {'torch':>8} {'ours':>8} {'ratio':>8}")
    image, label = digits.sample(3)
    for cell in ("rnn_tanh", "gru", "lstm"):
        network = initial.network(cell, seed=0)
        trace = record(network, image, label)
        for name, (theirs, ours, rounds) in WAYS.items():
            np.testing.assert_allclose(ours(network, trace), theirs(network, trace), rtol=1e-6, atol=1e-8)
            times = [[seconds(lambda: way(network, trace)) for way in (theirs, ours)] for _ in range(rounds)]  # noqa: B023
            torchs, own = 1e3 * np.median(times, axis=0)
            ratio = float(np.median([a / b for a, b in times]))
            print(f"{cell:10} {name:10} {torchs:8.0f} {own:8.1f} {ratio:7.1f}x")


if __name__ == "__main__":
    main()
