"""What several files of tests need, one idea a file."""
