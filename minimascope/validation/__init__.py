"""The gap measured by K-fold: the user's own training, run once for each fold.

Splits, losses of each example on either side, what they say of the gap, and the file that a killed
run goes on from. `cross_validate` is what people import; `script` runs a training script instead.
"""
