"""gRPC between parties: TLS, pinned peers, signed envelopes, the wire mapping, servers and clients.

Python's gRPC has no setting for the lowest TLS version. With ECDSA certificates a TLS 1.2 handshake needs an
ECDSA cipher suite, so allowing only an RSA one leaves TLS 1.3, whose suites are a list of their own. gRPC reads the
variable once, when its extension module is imported; this package is therefore imported by :mod:`node` before
anything else, a server probes its own port when it starts (:func:`node.rpc.tls.require_tls13_only`), and every call
checks the version that was agreed.
"""

from __future__ import annotations

import os

TLS12_SUITES = "ECDHE-RSA-AES256-GCM-SHA384"

os.environ["GRPC_SSL_CIPHER_SUITES"] = TLS12_SUITES
# gRPC's own lines on stderr carry what a stranger sent in a handshake; refusals are logged by this service instead.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
# A node never forks while it serves: workers are spawned. gRPC's handlers would only make other forks wait for it.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
