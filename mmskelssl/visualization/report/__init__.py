from mmskelssl.visualization.report.markdown import write_markdown
from mmskelssl.visualization.report.page import write_html

__all__ = ['write_html', 'write_markdown']
