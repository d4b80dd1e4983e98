"""Along training: curvature, edge of stability and boundary every so many steps, at a fixed cost.

`track` is what people call; `minimascope.callbacks` calls it for Lightning and Hugging Face.
"""
