"""What all tests of pages have in common."""

from collections.abc import Iterator

import pytest
import streamlit as st


@pytest.fixture(autouse=True, scope="module")
def nothing_kept() -> Iterator[None]:
    """Leave nothing of one file's trainings and figures in memory for the next."""
    yield
    st.cache_resource.clear()
    st.cache_data.clear()
