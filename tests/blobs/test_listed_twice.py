"""Stores that list what a part replaced beside the part."""

from datetime import UTC, datetime, timedelta

import pytest

from app.blobs.stores.s3_seen import SeenPart, newest

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=1)
OLD, NEW, OTHER = SeenPart(1, 5, "old"), SeenPart(1, 5, "new"), SeenPart(2, 5, "other")


@pytest.mark.parametrize("listed", [[(NOON, OLD), (LATER, NEW)], [(LATER, NEW), (NOON, OLD)]])
def test_of_a_part_that_was_sent_again_the_last_one_counts(
    listed: list[tuple[datetime, SeenPart]],
) -> None:
    assert newest([*listed, (NOON, OTHER)]) == [NEW, OTHER]


def test_the_same_bytes_sent_twice_in_a_second_are_one_part() -> None:
    assert newest([(NOON, OLD), (NOON, OLD)]) == [OLD]


def test_other_bytes_sent_in_the_same_second_count_as_missing() -> None:
    assert newest([(NOON, OLD), (NOON, NEW), (NOON, OLD), (NOON, OTHER)]) == [OTHER]


def test_what_came_later_settles_it() -> None:
    assert newest([(NOON, OLD), (NOON, NEW), (LATER, NEW)]) == [NEW]
