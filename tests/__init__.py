"""The test suite. ``node`` comes first, so that its TLS settings stand before a test file imports gRPC."""

import node as node
