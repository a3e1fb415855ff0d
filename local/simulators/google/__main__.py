"""`python -m local.simulators.google --port 4601 --state FILE --seed`."""

from local.simulators.google.app import create_app
from local.simulators.seeds import GOOGLE_MAILBOXES, plant
from local.simulators.server import arguments, serve, settings_of


def main() -> None:
    """Serve until told to stop."""
    options = arguments(default_port=4601)
    app = create_app(settings=settings_of(options))
    serve(app, options, seed=lambda empty: plant(empty.provider, GOOGLE_MAILBOXES))


if __name__ == "__main__":
    main()
