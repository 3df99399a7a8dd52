"""What the commands do that is more than a call: the terminal, options, and the talk around training and sampling."""
