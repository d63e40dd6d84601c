"""A card that takes no more readings: they go on in memory, and none is lost or sent twice needlessly."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from appliance.clock import SystemClock
from appliance.errors import StoreError
from appliance.health.disk import is_read_only
from appliance.readings import resilient
from appliance.readings.browse import stored_readings
from appliance.readings.reading import Reading
from appliance.readings.resilient import FILE_NAME, ResilientStore
from appliance.readings.settings import StoreSettings
from appliance.readings.store import Store
from appliance.readings.survey import survey
from tests.camera.fake_clock import FakeClock
from tests.readings.cards import FailingCard, FailingExt4, MountedCard
from tests.readings.examples import draft

SETTINGS = StoreSettings()
LATER_S = 120.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def card(tmp_path: Path, clock: FakeClock) -> FailingCard:
    return FailingCard(tmp_path / "card" / "readings.sqlite", SETTINGS, clock)


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    (tmp_path / "memory").mkdir()
    return tmp_path / "memory"


@pytest.fixture
def store(card: FailingCard, clock: FakeClock, memory: Path) -> Iterator[ResilientStore]:
    with ResilientStore(card, SETTINGS, clock, memory_dir=memory) as opened:
        yield opened


def add(store: ResilientStore | Store, count: int) -> list[Reading]:
    return [store.add(draft()) for _ in range(count)]


def ids(readings: list[Reading]) -> list[UUID]:
    return [one.id for one in readings]


def waiting(store: ResilientStore | Store) -> list[UUID]:
    return [one.id for one in store.pending(100_000)]


def later(store: ResilientStore, clock: FakeClock) -> None:
    clock.sleep_s(LATER_S)
    store.tend()


def test_on_a_sound_card_nothing_is_kept_in_memory(store: ResilientStore, memory: Path) -> None:
    stored = add(store, 3)
    store.mark_sent(ids(stored[:1]))
    assert (waiting(store), store.waiting, store.refuge) == (ids(stored[1:]), 0, None)
    store.tend()
    assert list(memory.iterdir()) == []


def test_a_card_that_turns_read_only_costs_no_reading_and_no_number(
    store: ResilientStore, card: FailingCard, clock: FakeClock
) -> None:
    stored = add(store, 3)
    card.writes = False
    stored += add(store, 4)
    assert [one.sequence for one in stored] == [1, 2, 3, 4, 5, 6, 7]
    assert waiting(store) == ids(stored), "those of the card first"
    assert "replace the SD card" in str(store.refuge)
    assert "readonly" in str(store.refuge)
    assert (store.waiting, store.counts().pending) == (4, 7)
    store.mark_sent(ids(stored[:5]))
    assert waiting(store) == ids(stored[5:]), "what was acknowledged is not sent again"
    later(store, clock)
    assert store.refuge is not None
    card.writes = True
    later(store, clock)
    assert (store.refuge, store.waiting) == (None, 0)
    stored += add(store, 1)
    assert waiting(card) == ids(stored[5:])
    assert (stored[-1].sequence, card.counts().sent) == (8, 5)


def test_what_was_acknowledged_as_the_card_turned_read_only_is_not_sent_again(
    store: ResilientStore, card: FailingCard, clock: FakeClock
) -> None:
    stored = add(store, 3)
    card.writes = False
    store.mark_sent(ids(stored[:2]))
    assert waiting(store) == ids(stored[2:])
    card.writes = True
    later(store, clock)
    assert waiting(card) == ids(stored[2:])


def test_a_card_that_cannot_even_be_read_keeps_what_it_has_until_it_can(
    store: ResilientStore, card: FailingCard, clock: FakeClock
) -> None:
    stored = add(store, 3)
    card.writes = card.reads = False
    stored += add(store, 2)
    assert [one.sequence for one in stored] == [1, 2, 3, 4, 5]
    store.mark_sent(ids(stored[:1]))
    assert waiting(store) == ids(stored[3:])
    card.writes = card.reads = True
    later(store, clock)
    assert waiting(store) == waiting(card) == [*ids(stored[1:])]


def test_a_long_outbox_is_borrowed_bit_by_bit_and_sent_before_what_is_new(
    store: ResilientStore, card: FailingCard, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resilient, "_BATCH_ROWS", 4)
    stored = add(store, 11)
    card.writes = False
    stored += add(store, 3)
    sent: list[UUID] = []
    for _ in range(20):
        assert store.counts().pending == len(stored) - len(sent)
        batch = [one.id for one in store.pending(3)]
        store.mark_sent(batch)
        sent += batch
        store.tend()
    assert sent == ids(stored)
    card.writes = True
    later(store, clock)
    assert (waiting(card), card.counts().sent) == ([], 14)


def test_a_card_that_fails_again_on_the_way_back_loses_nothing(
    store: ResilientStore, card: FailingCard, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resilient, "_BATCH_ROWS", 2)
    stored = add(store, 2)
    card.writes = False
    stored += add(store, 7)
    store.mark_sent(ids(stored[:4]))
    card.writes = True
    real, left = card.run, [3]

    def fail_soon(*args: object, **options: object) -> object:
        left[0] -= 1
        if left[0] < 0:
            raise StoreError("disk I/O error")
        return real(*args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(card, "run", fail_soon)
        later(store, clock)
        assert store.refuge is not None
        stored += add(store, 1)
        assert waiting(store) == ids(stored[4:])
    later(store, clock)
    assert store.refuge is None
    assert waiting(card) == ids(stored[4:])
    assert [Reading.from_json(one.payload).sequence for one in card.pending(99)] == [5, 6, 7, 8, 9, 10]


def test_memory_outlives_the_service(card: FailingCard, clock: FakeClock, memory: Path) -> None:
    first = ResilientStore(card, SETTINGS, clock, memory_dir=memory)
    first.open()
    stored = add(first, 3)
    card.writes = False
    stored += add(first, 2)
    first.mark_sent(ids(stored[:4]))
    card.close()  # as a kill does: nobody is asked

    with ResilientStore(card, SETTINGS, clock, memory_dir=memory) as second:
        assert waiting(second) == ids(stored[4:])
        stored += add(second, 1)
        assert stored[-1].sequence == 6
    card.writes = True
    with ResilientStore(card, SETTINGS, clock, memory_dir=memory) as third:
        assert third.refuge is None, "at once, at its start"
        assert waiting(card) == ids(stored[4:])
    assert list(memory.iterdir()) == []


def test_what_a_kill_left_in_memory_and_on_the_card_is_there_once(
    store: ResilientStore, card: FailingCard, clock: FakeClock, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card.writes = False
    stored = add(store, 3)
    card.writes = True
    monkeypatch.setattr(resilient, "delete_database", lambda _file: None)
    later(store, clock)
    store.mark_sent(ids(stored[:1]))
    assert (memory / FILE_NAME).exists()
    with ResilientStore(card, SETTINGS, clock, memory_dir=memory) as again:
        assert waiting(again) == ids(stored[1:])
        assert again.add(draft()).sequence == 4


def test_numbers_that_the_card_has_given_already_are_given_anew(
    card: FailingCard, clock: FakeClock, memory: Path
) -> None:
    """A card that cannot be read at the start does not say how far it has counted."""
    with card:
        before = add(card, 3)
    card.writes = card.reads = False
    with ResilientStore(card, SETTINGS, clock, memory_dir=memory) as store:
        new = add(store, 2)
        assert [one.sequence for one in new] == [1, 2]
        card.writes = card.reads = True
        later(store, clock)
        assert waiting(card) == ids([*before, *new])
        found = [Reading.from_json(one.payload).sequence for one in card.pending(99)]
        assert found == [1, 2, 3, 4, 5]
        assert add(store, 1)[0].sequence == 6


def test_beyond_what_memory_holds_the_oldest_unsent_go_and_are_counted(
    card: FailingCard, clock: FakeClock, memory: Path
) -> None:
    card.writes = False
    settings = StoreSettings(max_mb=1)
    with ResilientStore(card, settings, clock, memory_dir=memory) as store:
        stored = add(store, 900)
        lost = store.counts().lost
        assert lost > 0
        assert waiting(store) == ids(stored[lost:])


def test_where_neither_takes_readings_that_is_an_error(card: FailingCard, clock: FakeClock) -> None:
    store = ResilientStore(card, SETTINGS, clock, memory_dir=Path("/proc/nowhere"))
    with store:
        card.writes = False
        with pytest.raises(StoreError):
            store.add(draft())
        card.writes = True
        assert store.add(draft()).sequence == 1


def test_a_closed_store_is_closed(card: FailingCard, clock: FakeClock, memory: Path) -> None:
    store = ResilientStore(card, SETTINGS, clock, memory_dir=memory)
    with store:
        add(store, 1)
    with pytest.raises(StoreError, match="closed"):
        store.pending(1)
    assert list(memory.iterdir()) == []


def test_without_a_folder_in_memory_one_is_made_and_cleared(card: FailingCard, clock: FakeClock) -> None:
    card.writes = False
    store = ResilientStore(card, SETTINGS, clock)
    with store:
        add(store, 2)
        folder = store._memory_folder()
        assert (folder / FILE_NAME).exists()
    assert not folder.exists()


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[MountedCard]:
    card = MountedCard(tmp_path / "mounted")
    yield card
    card.remove()


def test_a_start_on_a_read_only_card_sends_what_is_on_it_and_counts_on(
    mounted: MountedCard, memory: Path
) -> None:
    file, clock = mounted.folder / "readings.sqlite", SystemClock()
    with Store(file, SETTINGS, ballast=True) as earlier:
        stored = add(earlier, 3)
        earlier.mark_sent(ids(stored[:1]))
    mounted.turn_read_only()
    for boot in range(2):
        place = memory / str(boot)
        place.mkdir()
        for _start in range(2):
            with ResilientStore(
                Store(file, SETTINGS, clock, ballast=True), SETTINGS, clock, memory_dir=place
            ) as store:
                again = waiting(store)
                assert not store.tight
                new = add(store, 1)
                store.mark_sent([*again, *ids(new)])
                assert waiting(store) == []
                assert "replace the SD card" in str(store.refuge)
                if _start == 0:
                    assert again == ids(stored[1:]), "once in each boot"
                    assert new[0].sequence == 4
                else:
                    assert again == []
                    assert new[0].sequence == 5
    mounted.turn_writable()
    with ResilientStore(Store(file, SETTINGS), SETTINGS, clock, memory_dir=place) as store:
        assert (store.refuge, waiting(store), store.counts().sent) == (None, [], 5)


def test_a_start_on_an_empty_read_only_card(mounted: MountedCard, memory: Path) -> None:
    mounted.turn_read_only()
    card = Store(mounted.folder / "readings.sqlite", SETTINGS, ballast=True)
    with ResilientStore(card, SETTINGS, SystemClock(), memory_dir=memory) as store:
        stored = add(store, 2)
        assert waiting(store) == ids(stored)
        assert store.newest_stamp() is not None


@pytest.fixture
def ext4(tmp_path: Path) -> Iterator[FailingExt4]:
    card = FailingExt4(tmp_path / "ext4")
    yield card
    card.remove()


def test_ext4_that_gives_up_on_its_card_under_an_open_store(ext4: FailingExt4, memory: Path) -> None:
    """The commonest end of an SD card, done by the kernel itself."""
    file, clock = ext4.folder / "readings.sqlite", SystemClock()
    card = Store(file, SETTINGS, clock, ballast=True)
    store = ResilientStore(card, SETTINGS, clock, memory_dir=memory)
    store.open()
    stored = add(store, 5)
    assert not is_read_only(ext4.folder)
    ext4.turn_read_only()
    assert is_read_only(ext4.folder)
    store.mark_sent(ids(stored[:2]))
    stored += add(store, 3)
    assert [one.sequence for one in stored] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert waiting(store) == ids(stored[2:])
    store.tend()
    card.close()  # as a kill does
    with ResilientStore(Store(file, SETTINGS, clock), SETTINGS, clock, memory_dir=memory) as again:
        assert waiting(again) == ids(stored[2:])
        assert again.add(draft()).sequence == 9


def test_a_log_that_a_power_cut_left_on_a_read_only_card_is_read(mounted: MountedCard, memory: Path) -> None:
    file = mounted.folder / "readings.sqlite"
    with Store(file, SETTINGS) as earlier:
        stored = add(earlier, 3)
        kept = {one.name: one.read_bytes() for one in mounted.folder.iterdir()}
    for name, content in kept.items():
        (mounted.folder / name).write_bytes(content)
    assert (mounted.folder / "readings.sqlite-wal").stat().st_size > 0
    mounted.turn_read_only()
    with ResilientStore(Store(file, SETTINGS), SETTINGS, SystemClock(), memory_dir=memory) as store:
        assert waiting(store) == ids(stored)
        assert store.add(draft()).sequence == 4


def test_who_only_looks_can_look_at_a_read_only_card(mounted: MountedCard) -> None:
    file = mounted.folder / "readings.sqlite"
    with Store(file, SETTINGS) as earlier:
        stored = add(earlier, 3)
    mounted.turn_read_only()
    assert survey(file).pending == 3
    assert [one.id for one in stored_readings(file)] == ids(stored)
