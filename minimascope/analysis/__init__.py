"""One analysis from files to report: the same path for the worker, the command line and tests."""
