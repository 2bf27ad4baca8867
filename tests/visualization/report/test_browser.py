"""The page in a real browser: Chromium and its driver, where they are installed."""

import shutil
import time
from dataclasses import replace

import pytest

from mmskelssl.evaluation.results import Statistic
from mmskelssl.visualization.report import figures, write_html

webdriver = pytest.importorskip('selenium.webdriver')
Keys = webdriver.Keys
CLASSES = ['wave', 'sit </script>|', 'jump']
CHROMIUM = shutil.which('chromium') or shutil.which('google-chrome')
DRIVER = shutil.which('chromedriver')
pytestmark = [
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason='no Chromium with chromedriver'),
    pytest.mark.slow,
]
# No window, no sandbox (tests may run as root), and nothing that looks for a network.
FLAGS = (
    *('headless', 'no-sandbox', 'disable-gpu', 'disable-quic', 'no-first-run', 'disable-background-networking'),
    *('disable-component-update', 'disable-sync', 'window-size=1300,900'),
)


# Whether each canvas has anything on it.
PAINTED = """[...document.querySelectorAll('{}')].map((canvas) => canvas.getContext('2d')
    .getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value))"""


def wait(read, is_ready):
    """What ``read`` gives as soon as it is ready, or after 20 s."""
    deadline = time.monotonic() + 20
    while not is_ready(found := read()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


@pytest.fixture(scope='module')
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    options.set_capability('goog:loggingPrefs', dict(browser='ALL'))
    for flag in (*FLAGS, f'user-data-dir={tmp_path_factory.mktemp("profile")}'):
        options.add_argument(f'--{flag}')
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def page(browser, report, report_folder):
    """Opens the report; afterwards the console has to be empty."""
    write_html(report, report_folder / 'report.html')
    browser.get((report_folder / 'report.html').as_uri())
    yield Page(browser)
    assert browser.get_log('browser') == []


class Page:
    def __init__(self, browser):
        self.browser = browser

    def run(self, script):
        return self.browser.execute_script(f'return {script}')

    def all(self, selector):
        return self.browser.find_elements('css selector', selector)

    def texts(self, selector):
        return [element.text for element in self.all(selector)]

    def click(self, element):
        """As a pointer does, on whatever lies on top there."""
        self.browser.execute_script('arguments[0].scrollIntoView({block: "center"})', element)
        webdriver.ActionChains(self.browser).move_to_element(element).click().perform()

    def click_point(self, row):
        canvas = self.all('canvas.points')[0]
        self.browser.execute_script('arguments[0].scrollIntoView({block: "center"})', canvas)
        x, y = (value * canvas.size['width'] / 100 for value in self.run(f'report.scatter.place({row})'))
        x, y = x - canvas.size['width'] / 2, y - canvas.size['height'] / 2
        webdriver.ActionChains(self.browser).move_to_element_with_offset(canvas, round(x), round(y)).click().perform()

    def focus(self, selector):
        self.browser.execute_script('arguments[0].focus()', self.all(selector)[0])

    def press(self, *keys):
        webdriver.ActionChains(self.browser).send_keys(*keys).perform()

    @property
    def title(self):
        return self.texts('#player .title')[0]

    def assert_plays(self):
        assert self.run('report.player.playing')
        first = self.run('report.player.frame')
        assert wait(lambda: self.run('report.player.frame'), lambda frame: frame != first) != first


def test_tables_and_figures_are_there(page):
    assert page.texts('h1') == ['CMD on ntu60']
    rows = [element.text for element in page.all('#protocols tr.result')]
    assert rows == ['linear joint 91.7 ± 11.8 79.4 (I²MD, table 1) top5 100.0 ± 0.0 2 2 remarks',
                    'knn joint 100.0 70.6 (I²MD, table 2) 1']  # fmt: skip
    assert len(page.all('.curve')) == 2
    assert page.texts('.bar span:first-child') == ['jump', 'sit </script>|', 'wave']
    assert len(page.all('.cell')) == 9 and page.run('report.scatter.set.labels.length') == 12
    assert [len(row.find_elements('css selector', '.still')) for row in page.all('.neighbours')] == [6, 6, 6]
    assert page.run('performance.getEntriesByType("resource").length') == 0  # nothing was fetched
    assert page.run('document.documentElement.scrollWidth <= innerWidth')
    page.browser.execute_script("document.getElementById('retrieval').scrollIntoView()")  # stills are drawn when seen
    drawn = wait(lambda: page.run(PAINTED.format('.neighbours canvas')), lambda painted: len(painted) == 18)
    assert all(drawn) and page.run(PAINTED.format('canvas.points')) == [True]


def test_a_row_shows_its_card(page):
    card = page.all('tr.card')[0]
    assert not card.is_displayed()
    page.click(page.all('tr.result')[0])
    assert card.is_displayed() and card.text.split('\n')[1] == 'a remark' and 'optimizer SGD, lr 0.1' in card.text
    page.click(page.all('tr.result')[0])
    assert not card.is_displayed()


def test_points_play(page):
    page.click_point(4)
    chosen = page.run('report.scatter.chosen')
    assert page.title == f'{CLASSES[(9 + chosen) % 3]} · clip {9 + chosen}'  # which one lies on top is the projection's
    page.assert_plays()
    page.click(page.all('#embedding .choices button')[1])
    assert page.texts('#embedding .choices button[aria-pressed=true]') == ['PCA']
    page.click_point(5)
    assert page.title.startswith('jump · clip')


def test_points_are_reached_by_keys(page):
    page.focus('canvas.points')
    page.press(Keys.ARROW_RIGHT)
    first = page.run('report.scatter.current')
    page.press(Keys.ARROW_RIGHT)
    second = page.run('report.scatter.current')
    assert page.run(f'report.scatter.place({second})[0] - report.scatter.place({first})[0]') > 0
    assert page.texts('#context') == [CLASSES[(9 + second) % 3]]
    page.press(Keys.ENTER)
    assert page.title.endswith(f'clip {9 + second}')
    page.assert_plays()


def test_cells_and_neighbours_are_reached_by_keys(page):
    page.focus('.matrix svg')
    page.press(Keys.ARROW_DOWN, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ENTER)
    assert page.title == f'{CLASSES[1]} · clip 10' and 'taken for jump' in page.texts('#context')[0]
    page.focus('.neighbours button')
    page.press(Keys.ARROW_DOWN, Keys.ARROW_RIGHT, Keys.ENTER)
    assert 'neighbour 1 of a clip of sit' in page.texts('#context')[0]
    assert page.run('document.querySelectorAll(\'.neighbours button[tabindex="0"]\').length') == 1
    page.focus('.skeleton-player')
    page.browser.execute_script('report.player.pause()')
    before = page.run('report.player._turn')
    webdriver.ActionChains(page.browser).key_down(Keys.SHIFT).send_keys(Keys.ARROW_LEFT).key_up(Keys.SHIFT).perform()
    assert page.run('report.player._turn') < before


def test_a_point_without_a_clip_says_so(browser, report, report_folder, monkeypatch):
    monkeypatch.setattr(figures, 'MAX_PLAYED', 0)
    write_html(report, report_folder / 'few.html')
    browser.get((report_folder / 'few.html').as_uri())
    page = Page(browser)
    before = page.title
    page.click_point(3)
    assert page.title == before and 'this clip is not in the page' in page.texts('#context')[0]
    assert browser.get_log('browser') == []


def test_cells_play_one_clip_after_the_other(page):
    cell = page.all('.cell[data-cell="2,2"]')[0]
    found = []
    for _ in range(5):
        page.click(cell)
        found.append(page.title.removeprefix('jump · clip '))
    assert found == ['11', '14', '17', '20', '11']
    page.assert_plays()
    page.click(page.all('.cell[data-cell="0,2"]')[0])
    assert page.title == 'wave · clip 9' and 'wave taken for jump: 1 of 8' in page.texts('#context')[0]
    before = page.title
    page.click(page.all('.cell[data-cell="2,0"]')[0])  # empty
    assert page.title == before


def test_neighbours_play(page):
    query, neighbour = page.all('.neighbours')[1].find_elements('css selector', 'button')[:2]
    page.click(neighbour)
    assert page.title.startswith(neighbour.text.split('\n')[0])
    assert 'neighbour 1 of a clip of sit' in page.texts('#context')[0]
    page.assert_plays()
    page.click(query)
    assert page.title.startswith('sit </script>|') and 'query' in query.text


def test_other_results_are_chosen(page):
    page.click(page.all('#classes .choices button')[1])
    assert page.texts('.bar span:first-child') == ['jump', 'wave']  # no clip of the other class
    assert page.texts('.count') == ['100', '100']


def test_page_without_clips(browser, report, report_folder):
    write_html(replace(report, data=replace(report.data, store='nowhere')), report_folder / 'bare.html')
    browser.get((report_folder / 'bare.html').as_uri())
    page = Page(browser)
    assert page.texts('#context')[0].startswith('No clips to play: No clip store at nowhere')
    page.click_point(0)
    assert len(page.all('.neighbours button')) == 18
    assert browser.get_log('browser') == []


def test_a_number_below_raw_coordinates_has_its_sign_and_the_page_says_why(browser, report, report_folder):
    linear, knn = report.results
    raw = replace(knn, card=replace(knn.card, method='raw coordinates'))
    low = replace(knn, metrics=dict(top1=Statistic([60.0])))
    write_html(replace(report, results=[linear, low], references=[raw]), report_folder / 'low.html')
    browser.get((report_folder / 'low.html').as_uri())
    page = Page(browser)
    assert page.texts('#protocols .main') == ['91.7 ± 11.8', '60.0 ↓raw', '100.0']
    assert page.texts('tr.reference td:nth-child(2)') == ['raw coordinates']
    assert page.texts('#meanings')[0].startswith('knn, joint: ↓raw: below raw coordinates (raw coordinates: knn 100.0)')
    assert page.texts('#context')[0].startswith(f'Above: {page.title}. ')
    assert browser.get_log('browser') == []


def test_on_a_narrow_screen_the_table_scrolls_and_the_player_is_low(browser, report, report_folder):
    size = dict(width=420, height=800, deviceScaleFactor=1, mobile=True)
    write_html(report, report_folder / 'report.html')
    browser.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', size)
    try:
        browser.get((report_folder / 'report.html').as_uri())
        page = Page(browser)
        assert page.run('document.documentElement.scrollWidth') == 420
        assert page.run("document.querySelector('aside').offsetHeight") <= 0.4 * 800
        assert page.run("document.querySelector('#protocols .scroll').scrollWidth") > 420
    finally:
        browser.execute_cdp_cmd('Emulation.clearDeviceMetricsOverride', {})
