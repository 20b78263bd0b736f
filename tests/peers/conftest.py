def pytest_ignore_collect(config):
    """The peers are loaded only where they are asked for (`-m peers`): they need not be installed."""
    return True if "not peers" in config.option.markexpr else None
