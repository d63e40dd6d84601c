"""What the words of the report mean."""

from typing import Final

GLOSSARY: Final = """\
- **leftover**: the volume in a well over the volume of its full serving, at most 100 points. Of a well
  that other leftovers were scraped into, `rendered` counts its own dish alone, `synthetic` all that lies
  there.
- **MAE, bias**: mean of |read - true|, and of read - true, over wells; each well counts alike. Wells in
  which nothing was served are left out, and so are the references `empty` and `full`.
- **complication**: what made it harder; a tray with several counts in each of them.
- **within 1 / 2 sigma**: share of wells that are off by at most so many of their stated standard
  deviations; 68 % and 95 % where these are right.
- **trays' MAE**: error of whole trays, wells weighed by the volume of their full serving.
- **clean**: wells of which less than 2 points are left: spotless ones, films of sauce, single grains. Where
  no estimator is named, that is the reading, or back projection where it is alone.
- **back projection, depth, segmentation**: the appliance's estimators, each alone. **told back
  projection** knows from segmentation which dishes are liquids; depth knows where segmentation sees food.
- **mean, study fusion**: of the three, the plain mean, and the original study's weights.
- **reading**: what the appliance says: the three joined by the fusion that was fitted to these networks,
  or by the study's rule where there is none.
- **mean IoU**: intersection over union of given and true pixels of a class, the pixels of all trays
  together; mean of the classes that occur.
- **food kind**: share of the pixels of rice, liquids and solids that are given that very class; **of
  found**: of those that are given a kind of food at all.
- **calibration error**: expected calibration error (Guo et al. 2017) of a pixel's highest probability, in
  points.
- **surface, food above empty**: height above the deck as the depth network says it, of all pixels of tray
  and food; and of food pixels, after the map of the empty tray is taken off. Foreign objects and what
  lies outside the tray do not count.
- **aligned**: surface after the scale and shift that fit each picture best by least squares.
- **quantity**: share of trays that the quantity head gives their own class, left_10 to left_90."""
"""Markdown."""
