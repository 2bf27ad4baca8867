from mmskelssl.utils.progress import track


def test_items_pass_and_standard_output_stays_clean(capsys):
    assert list(track((n * n for n in range(5)), 5, 'Squaring')) == [0, 1, 4, 9, 16]
    out, err = capsys.readouterr()
    assert out == '' and 'Squaring' in err and '100%' in err
