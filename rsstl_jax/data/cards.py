"""What is known of each public dataset: its origin, and the facts that a copy must meet."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from rsstl_jax.data.site import Site, count_repeated
from rsstl_jax.errors import DataError


@dataclass(frozen=True)
class PublishedFile:
    """One file as its publisher gives it out."""

    name: str  # as the readers look for it
    urls: tuple[str, ...] = ()  # of the same bytes, in the order they are tried
    digest: str = ""  # 'sha256:...', or 'git:...', the SHA-1 of the Git blob; empty: unknown


@dataclass(frozen=True)
class DataCard:
    """The identity card of one dataset; a fact that nobody could verify is None."""

    name: str  # also that of its folder
    title: str
    address: str  # the publisher's page
    licence: str  # terms of use, or that none are stated
    citation: str
    building: str  # no teacher comes from the target's own building
    num_train: int | None = None
    num_test: int | None = None
    num_access_points: int | None = None  # columns of the published files
    num_detected_in_train: int | None = None  # access points with a reading in train
    num_empty_in_train: int | None = None  # fingerprints without any reading
    num_repeated_in_test: int | None = None  # test fingerprints whose readings train has, too
    coordinates: str = "metres"  # unit of the positions
    floor_height_m: float = 0.0  # how far apart the floors are; 0: unknown
    train_positions: str = ""  # digest by which a renamed copy is known
    downloads: tuple[PublishedFile, ...] = ()
    contents: Mapping[str, str] = field(default_factory=dict)  # digests of files inside these


_UJI = DataCard(
    name="uji",
    title="UJIIndoorLoc",
    address="https://archive.ics.uci.edu/dataset/310/ujiindoorloc",
    licence="CC BY 4.0",
    citation="J. Torres-Sospedra et al., UJIIndoorLoc: a new multi-building and multi-floor "
    "database for WLAN fingerprint-based indoor localization problems, IPIN 2014",
    building="Universitat Jaume I, Castellon, three buildings",
    num_train=19_937,
    num_test=1_111,
    num_access_points=520,
    num_detected_in_train=465,
    num_empty_in_train=76,
    num_repeated_in_test=0,
    coordinates="Web Mercator (EPSG:3857) metres: 0.766 m on the ground at 39.99 deg N",
    train_positions="b219a213cf578263",
    downloads=(
        PublishedFile(
            "ujiindoorloc.zip",
            ("https://archive.ics.uci.edu/static/public/310/ujiindoorloc.zip",),
            "sha256:893512b82dfd7a7c345d84195b1c8019fbca0fa0d7820ce491ce5aa45ec3782f",
        ),
    ),
    contents={
        "trainingData.csv": "sha256:45ca0128bd12019c976bb4793e407c979c82995d7a5940ab7288620247905168",  # noqa: E501
        "validationData.csv": "sha256:5f90c536648cd657b2c516d20c4e0968d4003279ea6bd5d5d5322d3f1e8905c0",  # noqa: E501
    },
)

_UTS_FILES = (
    "https://raw.githubusercontent.com/XudongSong/UTSIndoorLoc-dataset/"
    "08db55994eb03633a3566dcc713d60b170136340/"
)

_UTS = DataCard(
    name="uts",
    title="UTSIndoorLoc",
    address="https://github.com/XudongSong/UTSIndoorLoc-dataset",
    licence="none stated by the publisher",
    citation="X. Song et al., A novel convolutional neural network based indoor localization "
    "framework with WiFi fingerprinting, IEEE Access 7, 2019",
    building="University of Technology Sydney",
    num_train=9_108,
    num_test=388,
    # Published papers speak of 557 active access points without saying in which part.
    num_access_points=589,
    downloads=(
        PublishedFile(
            "UTS_training.csv",
            (_UTS_FILES + "UTS_training.csv",),
            "git:93155fe4f9448d7cd367bf31dd3dc469bd854f03",
        ),
        PublishedFile(
            "UTS_test.csv",
            (_UTS_FILES + "UTS_test.csv",),
            "sha256:8c38273a5013fbe63984a235b92f72142aa52f19008fc213f4428a03661d8916",
        ),
    ),
)

_TAMPERE = DataCard(
    name="tampere",
    title="Tampere crowdsourced Wi-Fi database",
    address="https://zenodo.org/records/889798",
    licence="MIT (record and software); the archive's own README puts the data under CC BY 4.0",
    citation="E. S. Lohan et al., Wi-Fi crowdsourced fingerprinting dataset for indoor "
    "positioning, Data 2(4):32, 2017, doi:10.3390/data2040032",
    building="Tampere University, the building of TUT1, TUT3, TUT4 and TUT6",
    num_train=697,
    num_test=3_951,
    num_access_points=992,
    num_detected_in_train=779,
    num_empty_in_train=0,
    num_repeated_in_test=10,
    floor_height_m=3.7,
    train_positions="624396ed939a1e35",
    downloads=(
        PublishedFile(
            "DISTRIBUTED_OPENSOURCE.zip",
            (
                "https://zenodo.org/records/889798/files/DISTRIBUTED_OPENSOURCE.zip?download=1",
                "https://zenodo.org/records/1001662/files/"
                "DISTRIBUTED_OPENSOURCE_version2.zip?download=1",
            ),
        ),
    ),
    contents={
        "Training_rss_21Aug17.csv": "sha256:3bafbedc75fa14d4e96a351ca053884eec44de814b95daf7f10297d3b4148f0c",  # noqa: E501
        "Training_coordinates_21Aug17.csv": "sha256:003f6f9ec46f48b49099e0adef329a43a80212eeae2a698c820b43d5eaaa4479",  # noqa: E501
        "Test_rss_21Aug17.csv": "sha256:1bf4993edb835e635b1a8500cefa0f7b971b48af3ff5a9a0019720016ee2bcf1",  # noqa: E501
        "Test_coordinates_21Aug17.csv": "sha256:4254f2cf777fc278fa16a9f3715c622bff15c0c48db84db44e6d97373fb23001",  # noqa: E501
    },
)

_TUT7 = DataCard(
    name="tut7",
    title="TUT7, of the additional TAU datasets for Wi-Fi fingerprinting-based positioning",
    address="https://zenodo.org/records/3819917",
    licence="see the record",
    citation="E. S. Lohan, Additional TAU datasets for Wi-Fi fingerprinting-based positioning, "
    "Zenodo, 2020, doi:10.5281/zenodo.3819917",
    building="Tampere University, the building of TUT2 and TUT5",
    num_train=2_787,
    num_test=6_504,
    num_access_points=801,
    num_detected_in_train=767,
    num_empty_in_train=10,
    num_repeated_in_test=54,
    train_positions="28fd221bad6a3195",
)


def _mall(number: int, building: str, train_positions: str) -> DataCard:
    # No counts: of 642 and 453 traces the copy at hand lacked 71 and 36.
    return DataCard(
        name=f"mall-{number}",
        title=f"Indoor Location Competition 2.0, sample data, site {number}",
        address="https://github.com/location-competition/indoor-location-competition-20",
        licence="MIT",
        citation="Indoor Location Competition 2.0, Microsoft Research and XYZ10, 2020",
        building=building,
        train_positions=train_positions,
    )


_MALL_1 = _mall(1, "Xixi Intime City, Hangzhou", "e51cd96f0849e86e")
_MALL_2 = _mall(2, "Joy City, Hangzhou", "c3a6f58e165b00ca")
_ALL = (_UJI, _UTS, _TAMPERE, _TUT7, _MALL_1, _MALL_2)

CARDS: dict[str, DataCard] = {card.name: card for card in _ALL}
"""The known datasets by name."""


def check_card(card: DataCard, site: Site) -> None:
    """Raises `DataError` for a copy that is not the one that published figures speak of."""
    lost = np.isnan(site.train.rss_dbm)
    detected, empty = (~lost.all(axis=0)).sum(), lost.all(axis=1).sum()
    repeated = count_repeated(site.test, site.train)
    for things, expected, actual in (
        ("train fingerprints", card.num_train, len(site.train)),
        ("test fingerprints", card.num_test, len(site.test)),
        ("access points", card.num_access_points, site.train.num_access_points),
        ("access points detected in train", card.num_detected_in_train, detected),
        ("train fingerprints without a reading", card.num_empty_in_train, empty),
        ("test fingerprints that occur in train", card.num_repeated_in_test, repeated),
    ):
        if expected not in (None, actual):
            raise DataError(
                f"{card.name}: number of {things}: expected {expected}, found {actual}; this is "
                f"not the copy published at {card.address}. A changed copy needs a folder and a "
                "name of its own"
            )
