"""What the pages are built from; the only room that imports streamlit."""

import numpy  # noqa: F401  # its BLAS must be there to be limited
from threadpoolctl import threadpool_limits

# The matrices of a server are small, and its cores many people's: threads of BLAS would mostly wait for each other
# (the singular values of an LSTM's step Jacobians took ten times as long on two busy cores).
threadpool_limits(limits=1)
