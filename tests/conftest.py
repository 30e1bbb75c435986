"""What every test may use: the recorder of harmful tries."""

pytest_plugins = ["tests.faults.recorder"]
