"""The service around the protocols: one process per party."""

from node import rpc as rpc  # first of all: fixes the TLS settings before gRPC is imported by anyone
