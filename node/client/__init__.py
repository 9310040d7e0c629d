"""The typed client of a node's control API; start at :class:`node.client.control.ControlClient`.

Protocol buffer types stay inside :mod:`node.client.wire`: what a caller sees are the dataclasses of
:mod:`node.client.results`, and every refusal is a :class:`node.errors.Refusal`.
"""
