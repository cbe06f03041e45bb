"""What all tests share."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# No test asserts a time, and how fast examples are generated says something about the machine only.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")
