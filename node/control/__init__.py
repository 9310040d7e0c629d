"""The control API: what operators and a bank's own systems call on their own node."""
