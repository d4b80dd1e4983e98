"""The parts of `boundary_study.py`: data, minima, measurements, picture."""
