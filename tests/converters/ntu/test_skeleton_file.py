import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_ntu import body_lines, random_frames, skeleton_bytes, skeleton_lines

from mmskelssl.converters.ntu import MAX_BYTES, MAX_FRAMES, parse_skeleton
from mmskelssl.utils.errors import ClipError

# One body, none, two, one.
COUNTS = [1, 0, 2, 1]
FRAMES = random_frames(COUNTS)
LINES = skeleton_lines(FRAMES)
DATA = skeleton_bytes(FRAMES)
LAST_LINE = 1 + 4 + 4 * 27


def fails(data):
    with pytest.raises(ClipError) as caught:
        parse_skeleton(data, 'a/b.skeleton')
    message = str(caught.value)
    assert message.startswith('a/b.skeleton:') and '\n' not in message and len(message) < 200
    return message.removeprefix('a/b.skeleton:')


def changed(line, text):
    """The file with another text in a line; None leaves the line out."""
    lines = list(LINES)
    lines[line - 1 : line] = [] if text is None else [text]
    return '\n'.join([*lines, '']).encode(errors='surrogateescape')


def plain_parse(data):
    """The format by its letter, one token after the other; ValueError or StopIteration where it is broken."""
    lines = iter(data.decode('ascii').rstrip().split('\n'))

    def fields(number):
        found = next(lines).split()
        assert len(found) == number
        return found

    def count():
        number = float(fields(1)[0])  # 2. is 2
        assert number.is_integer()
        return int(number)

    frames = []
    for _ in range(count()):
        bodies = []
        for _ in range(count()):
            fields(10)
            bodies.append([[float(x) for x in fields(12)[:3]] for _ in range(count())])
        frames.append(bodies)
    assert next(lines, None) is None
    return frames


def assert_equal(bodies, frames):
    assert bodies.num_frames == len(frames)
    expected = [(t, m, joints) for t, found in enumerate(frames) for m, joints in enumerate(found)]
    assert bodies.frame.tolist() == [t for t, _, _ in expected]
    assert bodies.slot.tolist() == [m for _, m, _ in expected]
    np.testing.assert_array_equal(bodies.joints, [joints for _, _, joints in expected])


@pytest.mark.parametrize('counts', [COUNTS, [1], [0, 0, 6], [2, 0], [6, 1, 0, 3, 3], [1] * 300])
def test_bodies_come_and_go(counts):
    frames = random_frames(counts, seed=len(counts))
    assert_equal(parse_skeleton(skeleton_bytes(frames), ''), frames)


def shifted(text):
    return '\n'.join(f' {line.replace(" ", "   ")}\t' for line in text.split('\n'))


SAME = {
    'line ends of Windows': DATA.replace(b'\n', b'\r\n'),
    'byte-order mark': b'\xef\xbb\xbf' + DATA,
    'both': b'\xef\xbb\xbf' + DATA.replace(b'\n', b'\r\n'),
    'no last line end': DATA.rstrip(),
    'empty lines at the end': DATA + b'\n \r\n\n',
    'a count with a point': DATA.replace(b'\n', b'.\n', 1),
    'tabs and spaces': shifted(DATA.decode()).encode(),
}


@pytest.mark.parametrize('data', SAME.values(), ids=SAME)
def test_white_space_and_marks_do_not_matter(data):
    assert_equal(parse_skeleton(data, ''), FRAMES)


def test_fields_that_are_not_used_may_hold_anything():
    data = DATA.replace(b'277.4 191.8 1036.2', b'-Infinity NaN what?').replace(b' 0.02 -0.1 2\n', b' NaN inf x\n')
    assert data != DATA
    assert_equal(parse_skeleton(data, ''), FRAMES)


JOINT = ' 2 3 4 5 6 7 8 9 10 11 12'
BAD = {
    'empty file': (b'', '1: the file ends where the number of frames is expected'),
    'white space only': (b' \r\n\n\t', '1: the file ends where the number of frames is expected'),
    'binary': (bytes(range(256)) * 20, "1: the number of frames is expected, not binary data '\\x00"),
    'binary in a joint': (changed(7, '1 2 3 4 5 6 7 8 \x00 10 11 12'), '7: a joint is expected, not binary data'),
    'not ASCII in a field that is not used': (changed(7, '1 2 3 4 5 6 7 8 \udcff 10 11 12'), '7: a joint is expected'),
    'another encoding': (DATA.decode().encode('utf-16'), '1: the number of frames is expected, not binary data'),
    'NaN': (changed(7, 'NaN' + JOINT), "7: a coordinate has to be a finite number, not 'NaN'"),
    'infinity': (changed(7, '1 -Infinity 3' + JOINT[4:]), "7: a coordinate has to be a finite number, not '-Infinity'"),
    'too large for float32': (changed(7, '1e39' + JOINT), "7: a coordinate has to be a finite number, not '1e39'"),
    'text in a number': (changed(7, '0.1x2' + JOINT), "7: a coordinate has to be a finite number, not '0.1x2'"),
    'comma': (changed(7, '0,12' + JOINT), "7: a coordinate has to be a finite number, not '0,12'"),
    'text in a count': (changed(1, 'four'), "1: the number of frames has to be a number from 1 to 10000, not 'four'"),
    'fraction': (changed(1, '4.5'), "1: the number of frames has to be a number from 1 to 10000, not '4.5'"),
    'no frames': (b'0\n', "1: the number of frames has to be a number from 1 to 10000, not '0'"),
    'negative frames': (changed(1, '-4'), "1: the number of frames has to be a number from 1 to 10000, not '-4'"),
    'absurd frames': (changed(1, '9' * 30), "1: the number of frames has to be a number from 1 to 10000, not '999999"),
    'too many frames': (b'10001\n' + b'0\n' * 10001, '1: the number of frames has to be a number from 1 to 10000'),
    'negative bodies': (changed(2, '-1'), "2: the number of bodies has to be a number from 0 to 6, not '-1'"),
    'absurd bodies': (changed(30, '1e300'), "30: the number of bodies has to be a number from 0 to 6, not '1e300'"),
    'seven bodies': (skeleton_bytes(random_frames([1, 7])), '30: the number of bodies has to be a number from 0 to 6'),
    'absurd joints': (changed(4, '2000000000'), "4: the number of joints has to be 25, not '2000000000'"),
    '20 joints': ('\n'.join(['1', '1', *body_lines(np.ones((20, 3)), num_joints=20), '']).encode(),
                  "4: the number of joints has to be 25, not '20'"),
    'nobody': (b'3\n0\n0\n0\n', '1: no frame has a body'),
    'one frame less than stated': (changed(1, '5'), f'{LAST_LINE}: the file ends where the number of bodies is'),
    'one frame more than stated': (changed(1, '3'), "86: the file goes on after its last frame: '1'"),
    'more bodies than stated': (changed(2, '0'), '3: the number of bodies has 1 field(s), not 10'),
    'line left out': (changed(9, None), "29: a joint has 12 field(s), not 1 as in '0'"),
    'line twice': (changed(9, LINES[8] + '\n' + LINES[8]), '30: the number of bodies has 1 field(s), not 12'),
    'field left out': (changed(9, '1 2 3 4 5 6 7 8 9 10 11'), '9: a joint has 12 field(s), not 11'),
    'field left out of a body': (changed(3, '1 2 3 4 5 6 7 8 9'), '3: a body has 10 field(s), not 9'),
    'body first': ('\n'.join(LINES[2:]).encode(), '1: the number of frames has 1 field(s), not 10'),
    'another kind of text': (b'{"frames": []}\n', '1: the number of frames has 1 field(s), not 2'),
    'empty line inside': (changed(3, ''), "3: a body has 10 field(s), not 0 as in ''"),
    'a long line': (b'x' * 100_000, f"1: the number of frames has to be a number from 1 to 10000, not '{'x' * 40}'..."),
}  # fmt: skip


@pytest.mark.parametrize('data, message', BAD.values(), ids=BAD)
def test_bad_files_are_refused_by_line(data, message):
    assert fails(data).startswith(message)
    assert fails(data.replace(b'\n', b'\r\n')).startswith(message.split(': the file goes on')[0])


def test_files_too_long_are_refused():
    assert f'{MAX_BYTES + 1} bytes are more than' in fails(b' ' * (MAX_BYTES + 1))


@pytest.mark.parametrize(
    'text', [b' ', b'\n', b'1\n', b'1 ', b'ab\n', b'0\n', b'x', b'0 \n', b'\t ', b'1 \r'], ids=repr
)
def test_memory_stays_in_proportion_to_the_file(text):
    data = text * (1_000_000 // len(text))
    tracemalloc.start()
    fails(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60 * len(data)


def test_counts_alone_take_no_memory():
    body = '\n'.join(['1', *body_lines(np.ones((25, 3)))])
    for data in (f'{MAX_FRAMES}\n{body}\n', f'{10**9}\n{body}\n', f'1\n{10**9}\n{body}\n'):
        tracemalloc.start()
        fails(data.encode())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1_000_000


SMALL = random_frames([1, 0])
SMALL_DATA = skeleton_bytes(SMALL)


def test_cut_anywhere():
    """Only without its last characters, of a field that is not used, is a file still whole."""
    data = skeleton_bytes(random_frames([0, 1]))
    for cut in range(0, len(data) - 2, 3):
        message = fails(data[:cut])
        line = max(data[:cut].rstrip().count(b'\n') + 1, 1)
        assert message.startswith(f'{line}: '), (cut, message)
    parse_skeleton(data[:-1], '')


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_files_are_refused_or_read_by_the_letter(data):
    damaged = bytearray(SMALL_DATA)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(damaged)))
        stop = start + data.draw(st.integers(0, 30))
        piece = st.one_of(
            st.binary(max_size=10),
            st.sampled_from([b'', b'\n', b' ', b'-', b'.', b'25', b'1', b'1e9', b'nan', b'1\n', b'\x00', b'\r', b'_']),
            st.just(bytes(damaged[stop : stop + 200])),
        )
        damaged[start:stop] = data.draw(piece)
    damaged = bytes(damaged)
    try:
        bodies = parse_skeleton(damaged, 'x')
    except ClipError as error:
        assert str(error).startswith('x:') and 'no .skeleton file' not in str(error)
        return
    assert_equal(bodies, plain_parse(damaged.removeprefix(b'\xef\xbb\xbf')))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400) | st.text('0123456789 \n.-', max_size=400).map(str.encode))
def test_any_other_bytes_are_refused(data):
    fails(data)
