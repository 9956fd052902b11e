"""Fit: which scenario fits this region's economy, in two rankings with every reason shown.

``rank`` gives the answer as JSON-ready data, ``render`` as text, ``catalogue`` what there is to choose from, and
``selection`` what a region chose and on which evidence.
"""

from poju.fit.choice import selection
from poju.fit.listing import catalogue, check_catalogue, render_catalogue
from poju.fit.listing_page import catalogue_page
from poju.fit.render import render
from poju.fit.report import rank

__all__ = ["catalogue", "catalogue_page", "check_catalogue", "rank", "render", "render_catalogue", "selection"]
