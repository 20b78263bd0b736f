def pytest_ignore_collect(config):
    """The peers are loaded only where they are asked for (`-m peers`): they need not be installed."""
    marks = config.option.markexpr
    return True if marks and ("peers" not in marks or "not peers" in marks) else None
