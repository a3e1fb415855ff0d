"""What holds for all tests."""

from hypothesis import settings

# The same examples every time, as long as the tests stay the same: a red test is red for everybody.
settings.register_profile("repeatable", derandomize=True, deadline=None)
# Many more, and the same every time as well; `--hypothesis-seed=…` looks for other ones.
settings.register_profile("search", max_examples=1_500, deadline=None, derandomize=True)
settings.load_profile("repeatable")
