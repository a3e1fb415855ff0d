"""`python -m local.simulators.microsoft --port 4602 --state FILE --seed`."""

from local.simulators.microsoft.app import create_app
from local.simulators.seeds import MICROSOFT_MAILBOXES, plant
from local.simulators.server import arguments, serve, settings_of


def main() -> None:
    """Serve until told to stop."""
    options = arguments(default_port=4602)
    app = create_app(settings=settings_of(options))
    serve(app, options, seed=lambda empty: plant(empty.provider, MICROSOFT_MAILBOXES))


if __name__ == "__main__":
    main()
