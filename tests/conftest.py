"""What holds for all tests."""

from hypothesis import settings
from hypothesis.internal.conjecture.providers import HypothesisProvider
from hypothesis.internal.constants_ast import Constants

# Hypothesis mixes in constants of every local module that is imported by then: what a test was
# given depended on the files that had run before it in its process. It has no setting for that.
assert hasattr(HypothesisProvider, "_local_constants"), "Hypothesis has another name for it now"
HypothesisProvider._local_constants = property(lambda _: Constants())  # type: ignore[assignment]

# The same examples every time, as long as the tests stay the same: a red test is red for everybody.
settings.register_profile("repeatable", derandomize=True, deadline=None)
# Many more, and the same every time as well; `--hypothesis-seed=…` looks for other ones.
settings.register_profile("search", max_examples=1_500, deadline=None, derandomize=True)
settings.load_profile("repeatable")
