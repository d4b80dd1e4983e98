"""The practice study: gap intervals of 240 networks trained the way people train.

Stages, each resumable: `list` draws the list again, `train`, `estimate`, `oracle`, `tables`.
What is measured: docs/practice_study.md; what was promised before: practice/protocol.md.
"""

from __future__ import annotations

import argparse

from practice.case import write_list
from practice.draws import cases


def main() -> None:
    """Runs the stages named, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=["list"])
    parser.parse_args()
    write_list(cases())


if __name__ == "__main__":
    main()
