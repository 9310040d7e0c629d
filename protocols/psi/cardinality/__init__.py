"""How many of the bank's codes the bureau holds, and not which. Specification: README.md in this folder."""
