"""Private alignment: a bank learns which of its enterprises the bureau holds, the bureau learns a count."""
