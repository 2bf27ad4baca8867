import numpy as np
import pytest

from mmskelssl.converters.text import parse_rows
from mmskelssl.utils.errors import ClipError


def test_rows_come_back():
    np.testing.assert_array_equal(parse_rows(b'\xef\xbb\xbf1 2.5\r\n-3e1 4\r\n\r\n', 'x', 2), [[1, 2.5], [-30, 4]])
    np.testing.assert_array_equal(parse_rows(b'1, 2\n3,4', 'x', 2, ','), [[1, 2], [3, 4]])
    assert np.isnan(parse_rows(b'nan 1', 'x', 2)[0, 0])


@pytest.mark.parametrize(
    'data, message',
    [
        (b'', 'x.txt: the file is empty'),
        (b'\n \n', 'x.txt: the file is empty'),
        (b'1 2\n3', r'x.txt:2: 1 numbers where a frame has 2 \(a and b\)'),
        (b'1 2\n\n3 4', r'x.txt:2: 0 numbers where a frame has 2'),
        (b'1 2 3\n4 5 6', r'x.txt:1: 3 numbers'),
        (b'1 2\n3 4x', "x.txt:2: '4x' is not a number"),
        (b'1 1_0', "x.txt:1: '1_0' is not a number"),
        (b'\x00\xff 1', 'x.txt:1: .* is not a number'),
    ],
)
def test_faults_are_named_by_line(data, message):
    with pytest.raises(ClipError, match=message):
        parse_rows(data, 'x.txt', 2, meaning='a and b')
