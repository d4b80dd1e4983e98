"""What training minimised: the loss of each example, the penalty, and the optimiser's facts.

Torch alone. The rest of minimascope asks a `Loss` or an `Objective`; nobody compares its name.
"""
