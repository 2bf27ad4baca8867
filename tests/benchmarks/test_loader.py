import re


def test_workers_and_places_of_views_take_turns(benchmark, config, tmp_path):
    config('BarlowTwins').dump(tmp_path / 'config.py')
    options = '--repeats', 1, '--batches', 2, '--num-clips', 6, '--workers', 1, '--device', 'cpu'
    status, out, error = benchmark('loader', tmp_path / 'config.py', *options)
    assert (status, error) == (0, '')
    rows = {m[1]: float(m[2].replace(',', '')) for m in re.finditer(r'^(.+?)  +([\d.,]+)  ', out, re.MULTILINE)}
    assert all(value > 0 for value in rows.values())
    assert list(rows) == [
        'gathering', 'views', 'both', 'step, views at hand', 'views on the device, 0 workers',
        'views where gathered, 0 workers', 'views on the device, 1 workers', 'views where gathered, 1 workers',
    ]  # fmt: skip
    assert re.search(r'step, views at hand .* \+0.0%', out)
