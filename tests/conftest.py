"""What holds for all tests."""

from hypothesis import settings

# The same examples every time, as long as the tests stay the same: a red test is red for everybody.
settings.register_profile("repeatable", derandomize=True, deadline=None)
# Many, and other ones every time: `--hypothesis-profile=search`, which wins over the last line.
settings.register_profile("search", max_examples=1_500, deadline=None, print_blob=True)
settings.load_profile("repeatable")
