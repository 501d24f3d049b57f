"""Super-resolution: halving, bicubic interpolation, rows in and rows out, PSNR, and the network that is shipped."""

from pathlib import Path

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits
from torch.nn import functional as F

from rnnviz import checkpoints, digits, initial, learn, upscaling
from rnnviz.training.modules import Classifier
from rnnviz.ui.parts import of_sequences

DOCS = (Path(__file__).resolve().parents[1] / "docs/training.md").read_text("utf-8")
IMAGES = digits.open_set("uci").images[:20] / 255
LEAST = 28.5
"""Decibels that the shipped network reaches on MNIST's test digits."""


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    with threadpool_limits(1):
        yield


@pytest.fixture
def network():
    return initial.network("rnn_tanh", 14, 8, 3, 56, seed=3)


def test_a_halved_picture_is_the_mean_of_two_by_two_pixels():
    low = upscaling.halve(IMAGES)
    theirs = F.avg_pool2d(torch.tensor(IMAGES), 2).numpy()
    assert low.shape == (20, 14, 14)
    np.testing.assert_allclose(low, theirs, atol=1e-15)
    np.testing.assert_array_equal(upscaling.halve(IMAGES[3]), low[3])


def test_bicubic_interpolation_is_torchs():
    low = upscaling.halve(IMAGES)
    theirs = F.interpolate(torch.tensor(low)[:, None], scale_factor=2, mode="bicubic", align_corners=False)[:, 0]
    np.testing.assert_allclose(upscaling.bicubic(low), theirs.numpy().clip(0, 1), atol=1e-14)
    np.testing.assert_allclose(upscaling.bicubic(low[3]), theirs[3].numpy().clip(0, 1), atol=1e-14)


def test_bicubic_interpolation_leaves_an_even_picture_even():
    np.testing.assert_allclose(upscaling.bicubic(np.full((4, 6), 0.3)), np.full((8, 12), 0.3))


@pytest.mark.parametrize("delay", [0, 1, 3])
def test_targets_are_a_picture_that_can_be_put_together_again(delay):
    asked = upscaling.targets(IMAGES, delay)
    assert asked.shape == (20, 14 + delay, 56)
    np.testing.assert_array_equal(upscaling.picture(asked, delay), IMAGES)
    assert not asked[:, :delay].any()
    np.testing.assert_array_equal(asked[0, delay + 4], IMAGES[0, 8:10].ravel())


def test_a_network_reads_the_rows_and_then_blank_ones():
    low = upscaling.halve(IMAGES)
    read = upscaling.as_sequence(low, 2)
    np.testing.assert_array_equal(read[:, :14], low)
    assert read.shape == (20, 16, 14)
    assert not read[:, 14:].any()


def test_pictures_are_cut_to_what_a_screen_shows():
    outputs = np.array([[-0.5, 0.25, 1.5, 1.0]])
    np.testing.assert_array_equal(upscaling.picture(outputs), [[0.0, 0.25], [1.0, 1.0]])


def test_the_psnr_is_minus_ten_log10_of_the_mean_squared_error():
    true, near = np.zeros((2, 4, 4)), np.stack([np.full((4, 4), 0.1), np.full((4, 4), 0.01)])
    np.testing.assert_allclose(upscaling.psnr(near, true), [20, 40])
    assert upscaling.psnr(near[0], true[0]) == pytest.approx(20)
    assert upscaling.psnr(true[0], true[0]) == np.inf


@pytest.mark.parametrize("delay", [0, 1])
def test_a_trace_has_torchs_loss_and_gradients(network, delay):
    image = IMAGES[3]
    trace = upscaling.record(network, image, delay)
    model = Classifier(network).double()
    model.load_state_dict({name: torch.tensor(array) for name, array in network.arrays.items()})  # made in float32
    x = torch.tensor(upscaling.as_sequence(upscaling.halve(image), delay), requires_grad=True)
    outputs = model(x[None], every=True)[0]
    loss = F.mse_loss(outputs, torch.tensor(upscaling.targets(image, delay)))
    loss.backward()
    assert trace.loss == pytest.approx(loss.item(), rel=1e-12)
    np.testing.assert_allclose(trace["logits"], outputs.detach().numpy(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(trace.grad["x"], x.grad.numpy(), rtol=0, atol=1e-12 * float(x.grad.abs().max()))
    theirs = {name: parameter.grad.numpy() for name, parameter in model.named_parameters()}
    ours = learn.gradients(network, trace)
    assert ours.keys() == theirs.keys()
    for name, gradient in theirs.items():
        np.testing.assert_allclose(ours[name], gradient, rtol=0, atol=1e-12 * np.abs(gradient).max(), err_msg=name)
    assert trace["h"].shape == (3, 14 + delay, 8)


@pytest.mark.parametrize("delay", [0, 1])
def test_what_is_upscaled_is_what_the_trace_writes(network, delay):
    many = upscaling.upscale(network, upscaling.halve(IMAGES), delay)
    assert many.shape == IMAGES.shape
    one = upscaling.upscale(network, upscaling.halve(IMAGES[3]), delay)
    np.testing.assert_allclose(one, many[3], atol=1e-14)
    written = upscaling.picture(upscaling.record(network, IMAGES[3], delay)["logits"], delay)
    np.testing.assert_allclose(one, written, atol=1e-14)


def test_what_cannot_be_is_refused(network):
    with pytest.raises(ValueError, match=r"even number of rows and columns. Got 3 x 4"):
        upscaling.halve(np.zeros((3, 4)))
    with pytest.raises(ValueError, match=r"the shape of the true ones, \(4, 4\). Got \(2, 2\)"):
        upscaling.psnr(np.zeros((2, 2)), np.zeros((4, 4)))
    with pytest.raises(ValueError, match=r"delay must be 0 or more rows. Got -1"):
        upscaling.targets(IMAGES, -1)
    with pytest.raises(ValueError, match=r"image must be one picture .* Got the shape \(20, 28, 28\)"):
        upscaling.record(network, IMAGES)
    with pytest.raises(ValueError, match=r"low must be one picture of finite numbers"):
        upscaling.upscale(network, np.full((14, 14), np.nan))
    with pytest.raises(ValueError, match=r"network must give 112 numbers per step, .* It gives 10"):
        upscaling.upscale(initial.network("gru", 28, 4), upscaling.halve(IMAGES[0]))
    assert upscaling.fits(network)
    assert not upscaling.fits(initial.network("gru", 28, 4))


# ---- What is shipped


@pytest.mark.mnist
def test_the_shipped_network_reaches_what_its_card_says_on_every_test_digit():
    card, network = checkpoints.card("super-3x128"), checkpoints.load("super-3x128")
    assert (card.task, card.training["delay"], network.num_layers, network.hidden_size) == ("upscale", 1, 3, 128)
    assert card.psnr["mnist"] >= LEAST
    for name in digits.SETS:
        images = digits.open_set(name).images / 255
        low = upscaling.halve(images)
        smooth, written = upscaling.bicubic(low), upscaling.upscale(network, low, card.training["delay"])
        assert upscaling.psnr(written, images).mean() == pytest.approx(card.psnr[name], abs=1e-4)  # float32 against 64
        assert upscaling.mean_squared_error(written, images).mean() == pytest.approx(card.error[name], rel=1e-4)
        pooled = -10 * np.log10(upscaling.mean_squared_error(smooth, images).mean())
        assert (upscaling.psnr(smooth, images).mean(), pooled) == pytest.approx(upscaling.BICUBIC[name], abs=0.005)


@pytest.mark.mnist
def test_the_stories_show_a_typical_digit_the_worst_one_and_one_that_suits_the_formula():
    network, told = checkpoints.load("super-3x128"), of_sequences.PARTS["upscaling"].stories
    near = {}
    for name in digits.SETS:
        images = digits.open_set(name).images / 255
        low = upscaling.halve(images)
        near[name] = (
            upscaling.psnr(upscaling.upscale(network, low), images),
            upscaling.psnr(upscaling.bicubic(low), images),
        )
    (ours, smooth), (bundled, bundled_smooth) = near["mnist"], near["uci"]
    typical, worst, other = (told[f"upscaling-{name}"]["digit"] for name in ("typical", "worst", "bundled"))
    assert ours[typical] == pytest.approx(ours.mean(), abs=0.05)
    assert worst == ours.argmin()
    assert (ours > smooth).all()
    assert bundled[other] == pytest.approx(bundled.mean(), abs=0.05)
    assert bundled_smooth[other] == pytest.approx(bundled_smooth.mean(), abs=0.06)


@pytest.mark.mnist
def test_what_is_told_of_formulas_is_so_on_mnists_test_digits():
    images = digits.open_set("mnist").images / 255
    low = upscaling.halve(images)
    pillows = upscaling._cubic(14, -0.5)
    made = {
        "nearest neighbour": low.repeat(2, axis=1).repeat(2, axis=2),
        "bicubic, a = −1/2 (as Pillow's)": (pillows @ low @ pillows.T).clip(0, 1),
        "bicubic, a = −3/4 (as PyTorch's)": upscaling.bicubic(low),
    }
    for name, large in made.items():
        mean = upscaling.psnr(large, images).mean()
        pooled = -10 * np.log10(upscaling.mean_squared_error(large, images).mean())
        assert f"| {name} | {mean:.2f} dB | {pooled:.2f} dB |" in DOCS
    for rows, columns, sentence in (
        (0, 1, "moved sideways by\none pixel has {:.2f} dB"),
        (0, -1, "moved sideways by\none pixel has {:.2f} dB"),
        (1, 0, "moved up or down {:.2f} dB"),
        (-1, 0, "moved up or down {:.2f} dB"),
    ):
        moved = np.roll(np.pad(images, [(0, 0), (1, 1), (1, 1)]), (rows, columns), axis=(1, 2))[:, 1:-1, 1:-1]
        assert sentence.format(upscaling.psnr(moved, images).mean()) in DOCS
    mean = np.broadcast_to(images.mean(axis=0), images.shape)
    assert f"the mean of all digits has {upscaling.psnr(mean, images).mean():.1f} dB" in DOCS


def test_the_shipped_network_does_on_bundled_digits_what_its_card_says():
    card, images = checkpoints.card("super-3x128"), digits.open_set("uci").images / 255
    written = upscaling.upscale(checkpoints.load("super-3x128"), upscaling.halve(images))
    assert upscaling.psnr(written, images).mean() == pytest.approx(card.psnr["uci"], abs=1e-4)
    assert card.psnr["uci"] < upscaling.BICUBIC["uci"][0]  # they are smooth enlargements themselves: bicubic suits them
