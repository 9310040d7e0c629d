"""Programs that run other projects' set intersection, each in a virtual environment of its own."""
