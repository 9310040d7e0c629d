import pytest

from node.policy.strictjson import MAXIMUM_DEPTH, MAXIMUM_INTEGER, JsonFault, canonical, parse_object


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b'{"a":1,"a":2}', "stands twice"),
        (b'{"a":{"b":1,"b":1}}', "stands twice"),
        (b'{"a":1.0}', "not an integer"),
        (b'{"a":1e3}', "not an integer"),
        (b'{"a":NaN}', "not an integer"),
        (b'{"a":-Infinity}', "not an integer"),
        (b'{"a":9007199254740992}', "beyond"),
        (b'{"a":' + b"9" * 5000 + b"}", "beyond"),
        (b"[]", "not a JSON object"),
        (b'"a"', "not a JSON object"),
        (b"", "not JSON at line 1"),
        (b'{"a":1} x', "not JSON at line 1"),
        (b"{'a':1}", "not JSON at line 1"),
        (b'{"a":"\xff"}', "not UTF-8"),
        (b'\xef\xbb\xbf{"a":1}', "not JSON"),
        (b'{"a":' + b"[" * MAXIMUM_DEPTH + b"]" * MAXIMUM_DEPTH + b"}", "nested deeper"),
        (b"[" * 90_000, "nested deeper|not JSON"),
        (b'{"a":"' + b"x" * 100_000 + b'"}', "longer than"),
    ],
)
def test_what_is_not_strict_json_is_refused(text: bytes, fault: str) -> None:
    with pytest.raises(JsonFault, match=fault):
        parse_object(text, 100_000)


def test_what_is_allowed_comes_back() -> None:
    deep = b'{"a":' + b"[" * (MAXIMUM_DEPTH - 1) + b"]" * (MAXIMUM_DEPTH - 1) + b"}"
    assert canonical(parse_object(deep, 1000)) == deep
    assert parse_object(b' {"b": [1, true, null, "\\u4e2d"], "a": -9007199254740991}\n', 1000) == {
        "a": -MAXIMUM_INTEGER,
        "b": [1, True, None, "中"],
    }


@pytest.mark.parametrize("value", [{"a": 1.5}, {"a": b"x"}, {1: "a"}, {"a": "\ud800"}, {"\ud800": 1}, {"a": 2**53}])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(JsonFault):
        canonical(value)
