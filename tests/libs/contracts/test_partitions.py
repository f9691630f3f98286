"""A key's partition is the one that Kafka's own clients choose."""

from __future__ import annotations

from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.partitions import murmur2, partition_of


@given(st.binary(max_size=200))
def test_murmur2_is_the_one_of_aiokafka(key: bytes) -> None:
    """Of any bytes, whole words or not."""
    assert murmur2(key) == aiokafka_murmur2(key) & 0xFFFFFFFF


@given(st.text(min_size=1, max_size=60), st.integers(1, 64))
def test_the_partition_is_the_one_that_a_producer_chooses(key: str, partitions: int) -> None:
    """For any number of partitions."""
    everything = list(range(partitions))
    assert partition_of(key, partitions) == DefaultPartitioner()(key.encode(), everything, everything)


def test_known_hashes() -> None:
    """Values that Kafka's own tests hold murmur2 to."""
    known = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    known |= {
        b"a-little-bit-longer-string": -1486304829,
        b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    }
    assert {key: murmur2(key) for key in known} == {key: value & 0xFFFFFFFF for key, value in known.items()}
