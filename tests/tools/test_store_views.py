"""animate_clip.py and browse_store.py."""

import shutil

import pytest
from PIL import Image


@pytest.fixture
def run(run_tool):
    return lambda tool, *args: run_tool(f'visualization/{tool}.py', *args)


@pytest.fixture
def store(make_store):
    return make_store(lengths=(3, 4, 5, 6))


def test_page_of_two_clips(run, store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, _ = run('animate_clip', store, 'clip 0', 'clip 1', '--up=-y', '--fps', 12.5)
    assert (status, out) == (0, 'written: clip 0.html\n')
    page = (tmp_path / 'clip 0.html').read_text()
    assert '"title": "clip 1: sit", "fps": 12.5, "shape": [2, 4, 25]' in page


def test_gif(run, store, tmp_path):
    assert run('animate_clip', store, 'clip 1', '--out', tmp_path / 'clip.gif')[0] == 0
    with Image.open(tmp_path / 'clip.gif') as image:
        assert image.n_frames == 4 and image.info['duration'] == 30


@pytest.mark.skipif(not shutil.which('ffmpeg'), reason='no ffmpeg')
def test_video(run, store, tmp_path):
    cv2 = pytest.importorskip('cv2')
    assert run('animate_clip', store, 'clip 1', '--out', tmp_path / 'clip.mp4', '--fps', 25)[0] == 0
    video = cv2.VideoCapture(str(tmp_path / 'clip.mp4'))
    assert (video.get(cv2.CAP_PROP_FRAME_COUNT), video.get(cv2.CAP_PROP_FPS)) == (4, 25)
    assert video.read()[1].mean() > 200


def test_video_without_ffmpeg(run, store, tmp_path, monkeypatch):
    monkeypatch.setenv('PATH', str(tmp_path))
    status, _, err = run('animate_clip', store, 'clip 1', '--out', tmp_path / 'clip.mp4')
    assert status == 1 and err.startswith('error: ')
    assert 'clip.mp4 needs the program ffmpeg' in err and not (tmp_path / 'clip.mp4').exists()


@pytest.mark.parametrize(
    'args, message',
    [
        (['clip 9'], r"has no clip 'clip 9'. Its 4 clips are named like clip "),
        (['clip 0', '--out', 'clip.avi'], 'clip.avi does not end in .gif or .mp4'),
        (['clip 0', '--out', 'clip.gif', '--fps', '60'], 'a GIF can have 1 to 50'),
        (['clip 0', '--fps', '0'], '0.0 frames per second'),
    ],
)
def test_animation_refused(run, store, args, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, _, err = run('animate_clip', store, *args)
    assert status == 1 and message in err and err.startswith('error: ')
    assert [path.name for path in tmp_path.iterdir()] == ['store']


def test_sheet_of_a_class(run, store, tmp_path):
    out = tmp_path / 'sheet.png'
    status, text, _ = run('browse_store', store, 'wave', '--out', out, '--frames', 2)
    assert status == 0 and text == f"2 of 2 clips of class 0, 'wave': {out}\n"
    with Image.open(out) as image:
        two_rows = image.height
    assert run('browse_store', store, '0', '--out', out, '--frames', 2, '--num', 1)[0] == 0
    with Image.open(out) as image:
        assert image.height < 0.6 * two_rows
    assert "1 of 1 clips of class 0, 'wave'" in run('browse_store', store, 'wave', '--out', out, '--split', 'test')[1]


def test_classes_are_listed(run, store):
    assert run('browse_store', store)[1].split('\n') == [
        '   0      2 clips  wave',
        '   1      1 clips  sit',
        '   2      1 clips  jump',
        '',
    ]


@pytest.mark.parametrize(
    'args, message',
    [
        (['kick'], "no class 'kick'"),
        (['3'], "no class '3'"),
        (['sit', '--split', 'val'], "no split 'val'"),
        (['sit', '--split', 'test'], "no clip of class 1, 'sit'"),
        (['sit', '--num', '0'], 'at least 1 is needed'),
    ],
)
def test_sheet_refused(run, store, args, message):
    status, _, err = run('browse_store', store, *args)
    assert status == 1 and message in err and err.startswith('error: ')


CONFIG = """
train_dataloader = dict(dataset=dict(
    type='SkeletonDataset', store=r'{store}', split='train', normalize=[dict(type='PreNormalize')]
))
model = dict(num_persons=1)
_views = [dict(type='MultiView', transforms=[dict(type='CenterCropResize', num_frames=4)])]
"""


def test_views_of_a_config_are_drawn(run, store, tmp_path):
    config = tmp_path / 'config.py'
    config.write_text(CONFIG.format(store=store) + "data_preprocessor = dict(type='SkeletonDataPreprocessor', "
                      'train_pipeline=_views)')  # fmt: skip
    status, out, _ = run('browse_dataset', config, '--output-dir', tmp_path / 'out', '--num', 2, '--frames', 3)
    assert status == 0 and out.endswith(f'2 clips, each as PNG and GIF: {tmp_path / "out"}\n')
    assert sorted(file.suffix for file in (tmp_path / 'out').iterdir()) == ['.gif', '.gif', '.png', '.png']
    with Image.open(next((tmp_path / 'out').glob('*.gif'))) as image:
        assert image.width >= 4 * 160  # stored, normalized, and two views side by side


def test_a_config_without_views_is_refused(run, store, tmp_path):
    (tmp_path / 'config.py').write_text(CONFIG.format(store=store))
    status, _, err = run('browse_dataset', tmp_path / 'config.py', '--output-dir', tmp_path / 'out')
    assert status == 1 and 'has no data_preprocessor that makes views' in err
