import base64
import html
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from mmskelssl.datasets.layouts import HAND22, KINECT20, NTU25
from mmskelssl.visualization.player import encode_clip, encode_clips, encode_skeleton, player_page
from mmskelssl.visualization.projection import project
from mmskelssl.visualization.skeleton import LEFT, MIDDLE, RIGHT

ABSENT = -32768


@pytest.fixture
def clip() -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 3, (2, 5, 25, 3)).astype(np.float32)


def decoded(encoded: dict) -> np.ndarray:
    return np.frombuffer(base64.b64decode(encoded['data']), '<i2').reshape(*encoded['shape'], 3)


def test_encoded_clip_is_the_clip_but_for_place_and_scale(clip):
    encoded = encode_clip(clip, 'random', NTU25, fps=25, up='+z')
    assert (encoded['title'], encoded['fps'], encoded['shape']) == ('random', 25, (2, 5, 25))
    assert encoded == json.loads(json.dumps(encoded)) | {'shape': (2, 5, 25)}
    units = decoded(encoded).astype(float)
    expected = project(clip, '+z')
    for axis in range(3):
        low, high = units[..., axis].min(), units[..., axis].max()
        assert abs(low + high) <= 2
    scale = np.ptp(units, axis=(0, 1, 2)) / np.ptp(expected, axis=(0, 1, 2))
    assert scale == pytest.approx([scale[0]] * 3, rel=1e-3)
    np.testing.assert_allclose(np.diff(units, axis=1), np.diff(expected, axis=1) * scale[0], atol=3)
    assert np.abs(units).max() == 32767


def test_absent_joints_are_marked_and_do_not_shift_the_others(clip):
    clip[..., 0] += 50
    clip[1, 2:] = 0
    units = decoded(encode_clip(clip, 'gone', NTU25, up='+y'))
    assert (units[1, 2:, :, 0] == ABSENT).all()
    present = np.delete(units.reshape(10, 25, 3), [7, 8, 9], axis=0)
    assert (present != ABSENT).all() and np.abs(present[..., 0].mean(dtype=float)) < 4000


def test_a_clip_of_nobody_or_of_one_point_can_be_encoded(clip):
    assert (decoded(encode_clip(0 * clip, 'nobody', NTU25))[..., 0] == ABSENT).all()
    assert (decoded(encode_clip(0 * clip + 1, 'point', NTU25)) == 0).all()


def test_two_coordinates_can_be_encoded(clip):
    units = decoded(encode_clip(clip[..., :2], 'flat', NTU25))
    assert not units[..., 2].any() and units[..., :2].any()


def test_skeleton_tells_bones_and_sides():
    skeleton = encode_skeleton(KINECT20)
    assert len(skeleton['bones']) == 19 and (5, 4) in skeleton['bones']
    left, right = KINECT20.shoulders
    assert (skeleton['sides'][left], skeleton['sides'][right]) == (LEFT, RIGHT)
    assert all(re.fullmatch('#[0-9a-f]{6}', color) for person in skeleton['colors'] for color in person)


def test_wrong_clips_are_refused(clip):
    with pytest.raises(ValueError, match=r"'walk' has shape \(2, 5, 25, 3\).*20 joints"):
        encode_clips([clip], ['walk'], KINECT20)
    with pytest.raises(ValueError, match='0 frames per second'):
        encode_clips([clip], ['walk'], NTU25, fps=0)


def test_page_needs_no_network_and_is_safe_from_titles(clip):
    page = player_page([clip], ['</script><script>alert(1)</script><b>'], NTU25)
    assert not re.search(r'(src|href)\s*=|https?:|@import|url\(', page)
    assert page.count('<script>') == page.count('</script>') == 2 and '<b>' not in page


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which('chromium'), reason='no browser')
def test_players_work_in_a_browser(clip, tmp_path):
    clip[:, 4] = 0
    script = """<script>
    const [first, second] = players;
    const right = 0xff9c5108;  // the first person's right side, as ABGR
    const painted = () => new Uint32Array(first._canvas.getContext('2d').getImageData(
        0, 0, first._canvas.width, first._canvas.height).data.buffer).includes(right);
    const report = [players.length, first.playing, second.numFrames];
    first.pause();
    first.seek(0); report.push(painted());
    first.seek(4); report.push(!painted());
    first.seek(99); report.push(first.frame, first._slider.value);
    first._slider.value = 2; first._slider.oninput(); report.push(first.frame, first._time.textContent);
    first.speed = 0.5; report.push(first.speed);
    first.load(clips[1]);
    report.push(first.numFrames, first.frame, first._title.textContent, first._legend.childElementCount);
    first.play(); report.push(first.playing);
    setTimeout(() => {
        document.body.replaceChildren(JSON.stringify([...report, first.frame > 0, second.frame > 0]));
    }, 900);
    </script></body>"""
    page = player_page([clip, np.tile(clip[:1], (1, 3, 1, 1))], ['one', '<two>'], NTU25, fps=10)
    # A browser without a window draws no animation frames.
    clock = '<script>requestAnimationFrame = (step) => setTimeout(() => step(performance.now()), 16);</script>'
    (tmp_path / 'page.html').write_text(page.replace('<main>', f'{clock}<main>').replace('</body>', script))
    command = ['chromium', '--headless', '--no-sandbox', '--disable-gpu', '--virtual-time-budget=2000', '--dump-dom']
    command += [f'--user-data-dir={tmp_path / "profile"}', (tmp_path / 'page.html').as_uri()]
    document = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    report = json.loads(html.unescape(re.search(r'<body>\s*(\[.*\])\s*</body>', document, re.DOTALL).group(1)))
    assert report[:3] == [2, True, 15]
    assert report[3:5] == [True, True]
    assert report[5:7] == [4, '4']
    assert report[7:9] == [2, '3 / 5  0.20 s']
    assert report[9] == 0.5
    assert report[10:14] == [15, 0, '<two>', 1]
    assert report[14:] == [True, True, True]


def test_a_hand_can_be_played():
    hand = np.random.default_rng(0).uniform(0.1, 0.2, (1, 4, 22, 3))
    assert (decoded(encode_clip(hand, 'hand', HAND22)) != ABSENT).all()
    assert set(encode_skeleton(HAND22)['sides']) == {MIDDLE}
    assert '"shape": [1, 4, 22]' in player_page([hand], ['hand'], HAND22)
