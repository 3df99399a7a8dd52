"""Other projects' checkpoints in and out, one file each."""
