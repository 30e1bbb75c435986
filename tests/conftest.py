"""What every test may use: the recorder of harmful tries, and warehouses elsewhere."""

pytest_plugins = ["tests.faults.recorder", "tests.destinations"]
