"""Generate the reference pages, then stage the site: `python -m scripts.docs`."""

from scripts.docs import reference, stage

reference.write()
stage.stage()
