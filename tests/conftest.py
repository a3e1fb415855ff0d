"""What holds for all tests."""

from hypothesis import settings

# The same examples every time, as long as the tests stay the same: a red test is red for everybody.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=3_000, deadline=None)
settings.load_profile("repeatable")
