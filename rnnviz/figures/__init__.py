"""Pictures of traces: pure functions from arrays and translated strings to Plotly figures."""

from . import style
from .reading import LogAxis, Norm, decimal, exact_zeros, hundredths, log_axis, power, reading
from .signal import signal

__all__ = ["LogAxis", "Norm", "decimal", "exact_zeros", "hundredths", "log_axis", "power", "reading", "signal", "style"]
