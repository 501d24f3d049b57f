"""How fast is a whole trace? `record` against torch, same weights, float64, one thread, one process.

    python bench/trace.py

Three ways to the same numbers (every state and gate; the gradient of the loss in each h_t, c_t, a_t and x_t):

unrolled   a Python loop over torch cells, `retain_grad` on every state, autograd
fused      torch's fused LSTM / GRU / RNN for h, gates and cell state recomputed from it, then a reverse scan in torch
record     rnnviz, with the loss and the norms' exponents

The ways take turns in blocks of 20 calls, so that a change of the machine's speed meets all alike; medians and their
ratios are printed.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # before NumPy loads

import sys  # noqa: E402
from pathlib import Path  # noqa: E402
from time import perf_counter  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from rnnviz.network import Network  # noqa: E402
from rnnviz.trace import record  # noqa: E402

T, D, H, K = 28, 28, 64, 10
ROUNDS, BLOCK = 40, 20  # each way runs BLOCK times, then it is the next one's turn


def unrolled(module, head, x, label):
    """Every state and gate with its gradient, by autograd over an unrolled loop."""
    W_ih, W_hh, b_ih, b_hh = (p.detach() for p in module.parameters())
    x = x.clone().requires_grad_()
    h, c, kept = torch.zeros(H), torch.zeros(H), []
    for t in range(T):
        if isinstance(module, torch.nn.LSTM):
            a = F.linear(x[t], W_ih, b_ih) + F.linear(h, W_hh, b_hh)
            i, f, g, o = a.chunk(4)
            i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
            c = f * c + i * g
            h = o * c.tanh()
            step = (a, i, f, g, o, c, h)
        elif isinstance(module, torch.nn.GRU):
            a_x, a_h = F.linear(x[t], W_ih, b_ih), F.linear(h, W_hh, b_hh)
            a_rz = a_x[: 2 * H] + a_h[: 2 * H]
            r, z = a_rz.sigmoid().chunk(2)
            a_n = a_x[2 * H :] + r * a_h[2 * H :]
            n = a_n.tanh()
            h = (1 - z) * n + z * h
            step = (a_rz, a_n, r, z, n, h)
        else:
            a = F.linear(x[t], W_ih, b_ih) + F.linear(h, W_hh, b_hh)
            h = a.tanh()
            step = (a, h)
        for tensor in step:
            tensor.retain_grad()
        kept.append(step)
    logits = head(torch.stack([step[-1] for step in kept]))
    F.cross_entropy(logits[-1:], label).backward()
    return x.grad, kept


@torch.no_grad()
def fused(module, head, x, label):
    """Hidden states from the fused kernel, the rest recomputed at once, gradients by a reverse scan in torch."""
    W_ih, W_hh, b_ih, b_hh = module.parameters()
    h, _ = module(x)
    logits = head(h)
    p = logits.softmax(-1)
    dh = (p[-1] - F.one_hot(label[0], K)) @ head.weight
    h_prev = torch.cat([torch.zeros(1, H), h[:-1]])
    a_x, a_h = F.linear(x, W_ih, b_ih), F.linear(h_prev, W_hh, b_hh)
    das, dhs = [None] * T, [None] * T
    if isinstance(module, torch.nn.LSTM):
        i, f, g, o = (a_x + a_h).chunk(4, 1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        ig, c = i * g, [torch.zeros(H)]
        for t in range(T):
            c.append(f[t] * c[t] + ig[t])
        c = torch.stack(c)
        tanh_c = c[1:].tanh()
        slopes = torch.stack([g * i * (1 - i), c[:-1] * f * (1 - f), i * (1 - g * g)], 1)
        to_o, to_c = tanh_c * o * (1 - o), o * (1 - tanh_c * tanh_c)
        dc = torch.zeros(H)
        for t in reversed(range(T)):
            dc = dc + dh * to_c[t]
            dhs[t] = dh
            das[t] = torch.cat([(slopes[t] * dc).flatten(), to_o[t] * dh])
            dh, dc = das[t] @ W_hh, dc * f[t]
    elif isinstance(module, torch.nn.GRU):
        r, z = (a_x + a_h)[:, : 2 * H].sigmoid().chunk(2, 1)
        m = a_h[:, 2 * H :]
        n = (a_x[:, 2 * H :] + r * m).tanh()
        to_n = (1 - z) * (1 - n * n)
        slopes = torch.stack([to_n * m * r * (1 - r), (h_prev - n) * z * (1 - z), to_n], 1)
        through = slopes.clone()
        through[:, 2] *= r
        for t in reversed(range(T)):
            dhs[t] = dh
            das[t] = (slopes[t] * dh).flatten()
            dh = (through[t] * dh).flatten() @ W_hh + dh * z[t]
    else:
        slope = 1 - h * h
        for t in reversed(range(T)):
            dhs[t] = dh
            das[t] = slope[t] * dh
            dh = das[t] @ W_hh
    return torch.stack(das) @ W_ih, torch.stack(dhs)


def seconds(call) -> float:
    """Return the mean time of a call in a block of BLOCK."""
    start = perf_counter()
    for _ in range(BLOCK):
        call()
    return (perf_counter() - start) / BLOCK


def main() -> None:
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    print(f"one trace, T={T}, D={D}, H={H}, float64, one thread, {ROUNDS} rounds of {BLOCK}, medians in milliseconds")
    print(f"{'cell':5} {'unrolled':>9} {'fused':>7} {'record':>7} {'unrolled/record':>16} {'fused/record':>13}")
    for kind in (torch.nn.LSTM, torch.nn.GRU, torch.nn.RNN):
        torch.manual_seed(0)
        module, head = kind(D, H), torch.nn.Linear(H, K)
        network = Network.from_torch(module, head)
        image = np.random.default_rng(0).random((T, D))
        x, label = torch.tensor(image), torch.tensor([3])
        ours = record(network, image, 3).grad["x"]
        for way in (unrolled, fused):
            np.testing.assert_allclose(way(module, head, x, label)[0].numpy(), ours, atol=1e-12 * abs(ours).max())
        ways = {
            "unrolled": lambda: unrolled(module, head, x, label),  # noqa: B023
            "fused": lambda: fused(module, head, x, label),  # noqa: B023
            "record": lambda: record(network, image, 3),  # noqa: B023
        }
        times = {name: [] for name in ways}
        for turn in range(ROUNDS + 2):
            for name, way in ways.items():
                elapsed = seconds(way)
                if turn >= 2:
                    times[name].append(elapsed)
        ms = {name: 1e3 * float(np.median(values)) for name, values in times.items()}
        ratios = {name: float(np.median(np.divide(times[name], times["record"]))) for name in ("unrolled", "fused")}
        print(
            f"{kind.__name__:5} {ms['unrolled']:9.2f} {ms['fused']:7.2f} {ms['record']:7.2f} "
            f"{ratios['unrolled']:15.1f}x {ratios['fused']:12.1f}x"
        )


if __name__ == "__main__":
    main()
