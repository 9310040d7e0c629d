"""Twins of the product that each lack ONE defence, so that an attack can show that it works. They live here only."""
