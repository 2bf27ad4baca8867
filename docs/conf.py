"""The documentation's site: `bash docs/build.sh`.

The source folder is the checkout's root, so that pages of methods stay beside their configs and every link works here
as it does on GitHub. What the site holds, and in which order, is said by the tables of pages, see `navigation.py`.
"""

import sys
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

sys.path.insert(0, str(Path(__file__).parent))
import navigation  # noqa: E402

from mmskelssl.version import __version__  # noqa: E402

project = 'mmskelssl'
author = 'The mmskelssl developers'
release = __version__
extensions = ['myst_nb', 'sphinx.ext.autodoc', 'sphinx.ext.autosummary', 'sphinx.ext.napoleon', 'sphinx.ext.viewcode']

root_doc = 'docs/README'
include_patterns = [f'{page}.*' for page in navigation.all_pages()] + ['docs/_api/*.rst']
exclude_patterns = ['.*', 'data', 'work_dirs', 'docs/_build', '**/*.py']
# Absolute: extensions do not agree where a relative path begins.
templates_path = [str(Path(__file__).with_name('_templates'))]

html_theme = 'furo'
html_title = f'{project} {release}'
html_additional_pages = {'index': 'home.html'}  # the folder's own page leads to that of the root document
html_show_copyright = False
html_math_renderer = 'mathml'

myst_heading_anchors = 4
# Trained and evaluated anew at every build, so what the page shows is what the code prints.
nb_execution_mode = 'force'
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True
nb_output_stderr = 'remove'  # bars of progress

autodoc_typehints = 'description'
autodoc_typehints_description_target = 'documented_params'
autodoc_member_order = 'bysource'
add_module_names = False
napoleon_numpy_docstring = False


def write_math(self, node: nodes.math | nodes.math_block) -> None:
    """Formulas as MathML, which browsers draw themselves: Sphinx's own ways load a script or need LaTeX."""
    self.body.append(tex2mathml(node.astext(), as_block=isinstance(node, nodes.math_block)))
    raise nodes.SkipNode


def setup(app) -> None:
    app.add_html_math_renderer('mathml', (write_math, None), (write_math, None))
    app.connect('source-read', navigation.add_toctrees)
