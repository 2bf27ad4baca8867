import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmskelssl.converters.ntu.decimals import parse_decimal, parse_decimals

PAD = '.' * 16


def parse(tokens):
    """Puts the tokens into one text behind a pad, with a space after each."""
    text = np.frombuffer(' '.join([PAD, *tokens, '']).encode(), np.uint8)
    ends = np.flatnonzero(text == ord(' '))
    return parse_decimals(text, ends[:-1] + 1, ends[1:])


PLAIN = ['0', '7', '-1', '0.5', '-0.5', '12.34', '.5', '-.5', '3.', '00.10', '123456789.12345', '-99999999999999',
         '0.00000000000001', '99999999999999.', '2.3', '0.1', '-0.2181153', '3.785547', '0.0', '-0']  # fmt: skip
ODD = ['1e3', '-1.5E-05', '+2', '123456789012345', '1234567890123456', '0.1234567890123456', '-0.12345678901234567',
       '1e400', '1' * 40, '9007199254740993', '1.7976931348623157e308', '5e-324']  # fmt: skip
NOT = ['', '-', '.', '-.', '--1', '1-', '1.2.3', '1..', 'nan', 'NaN', 'inf', '-Infinity', '1_0', '0x10', '1,5', 'e5',
       '1e', 'abc', '12a4', '+', '\x001', '1\x7f', '1e+', '..5', '-12345678901234-']  # fmt: skip


@pytest.mark.parametrize('token', PLAIN + ODD)
def test_numbers_are_those_of_python(token):
    (value,) = parse([token])
    assert value == float(token) and np.signbit(value) == np.signbit(float(token))
    assert parse_decimal(token.encode()) == float(token)


@pytest.mark.parametrize('token', NOT)
def test_what_is_no_number_is_nan(token):
    values = parse(['1.5', token, '2.5'])
    np.testing.assert_array_equal(values, [1.5, np.nan, 2.5])
    assert np.isnan(parse_decimal(token.encode()))


@given(st.lists(st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(-10, 10, width=32).map('{:.9g}'.format),
    st.decimals(-1000, 1000, allow_nan=False, places=7).map(str),
    st.from_regex(r'-?[0-9]{0,17}(\.[0-9]{0,17})?', fullmatch=True),
    st.text('0123456789.-+eE', max_size=20),
), max_size=30))  # fmt: skip
def test_many_at_once_are_each_as_alone(tokens):
    expected = [parse_decimal(token.encode()) for token in tokens]
    np.testing.assert_array_equal(parse(tokens), expected)
    for token, value in zip(tokens, expected, strict=True):
        assert np.isnan(value) or value == float(token)


def test_a_number_near_the_beginning():
    text = np.frombuffer(b'2.5 and much more text', np.uint8)
    assert parse_decimals(text, np.array([0]), np.array([3])) == [2.5]
