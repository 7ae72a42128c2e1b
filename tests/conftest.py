"""Conditions of every test: a fixed seed, one thread, and torch's defaults restored afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch.distributions import Distribution
from xdist.remote import Producer

from .support.scheduling import PageScheduling

pytest.register_assert_rewrite("tests.pages.tours.checks")  # tests outside of its folder import it, too


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> PageScheduling:
    return PageScheduling(config, log)


collect_ignore = ["mutation.py"]  # needs the packages of tests/requirements-mutation.txt


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Moves files with slow tests to the start: at the end, one process would run them while the others are idle."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)  # the tests are many small jobs: threads would spend their time waiting for one another


@pytest.fixture(autouse=True)
def _fixed_seed() -> None:
    # Without a GPU, torch.manual_seed stores a stack trace for the day that CUDA starts: half a millisecond and memory a call.
    seed = torch.manual_seed if torch.cuda.is_available() else torch.default_generator.manual_seed
    seed(20230501)


@pytest.fixture
def validation_default() -> Iterator[None]:
    """Lets a test change torch's validation default."""
    before = Distribution._validate_args
    yield
    Distribution.set_default_validate_args(before)
