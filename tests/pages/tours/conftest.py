"""Failures of the checks of all tours show the compared values."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(f"{__package__}.checks")
