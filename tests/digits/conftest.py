"""What several tests of the digits share."""

import pytest

from rnnviz.digits import mnist


@pytest.fixture(scope="session")
def mnist_images():
    """The 10,000 test digits, float64 (10000, 28, 28) in [0, 1]; skips where MNIST is not on the machine."""
    try:
        return mnist.test().images / 255
    except mnist.MnistMissing as missing:
        pytest.skip(str(missing))
