"""Correlated oblivious transfers by the tens of thousands from 128 on a group. Specification: README.md."""
