"""A replica takes over verified pages only, and no member ever gets an entry that is not its to read."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from support_node import ASKED_BY, HANDLE, HELD_BY, LOG, ORIGIN, OTHER_HANDLE, OTHER_POINTER, World, opened
from support_rules import MEMBERS, key_of

from poju.errors import PojuError
from poju.ledger import cbor, leaf, merkle, statement
from poju.ledger.checkpoint import Checkpoint
from poju.node.ledger_api import Feed
from poju.node.replica import Replica
from poju.node.visibility import Visibility
from poju.units import Seconds


@pytest.fixture
def world() -> Iterator[World]:
    made = opened()
    yield made
    made.close()


def refused(replica: Replica, page: bytes, code: str = "replica.refused") -> None:
    """The page is refused, and nothing of it was taken over."""
    before = (replica.size, replica.root, replica._next, dict(replica._keys), dict(replica._consents))
    with pytest.raises(PojuError) as caught:
        replica.take(page)
    assert caught.value.code == code
    assert (replica.size, replica.root, replica._next, dict(replica._keys), dict(replica._consents)) == before


def parts(world: World, replica: Replica) -> list[cbor.Value]:
    return list(cbor.decode(world.page(replica, HELD_BY), 1 << 24))


def test_an_honest_feed_is_taken_over(world: World) -> None:
    replica = world.sync(world.replica(HELD_BY), HELD_BY)
    head = world.store.head()
    assert (replica.size, replica.root) == (head.size, world.store.root(head.size))
    for name in MEMBERS:
        assert replica.member_key(name, key_of(name).public.thumbprint) == key_of(name).public
    assert replica.member_key(HELD_BY, key_of(ASKED_BY).public.thumbprint) is None
    assert not replica.take(world.page(replica, HELD_BY)), "nothing new changes nothing"


def test_a_forged_entry_is_refused(world: World) -> None:
    note, proof, entries, more = parts(world, replica := world.replica(HELD_BY))
    raw = bytearray(entries[0][1])
    raw[-1] ^= 1
    refused(replica, cbor.encode([note, proof, [[entries[0][0], bytes(raw), entries[0][2]], *entries[1:]], more]))


def test_a_forged_last_entry_leaves_nothing_of_its_page(world: World) -> None:
    note, proof, entries, more = parts(world, replica := world.replica(HELD_BY))
    index, raw, path = entries[-1]
    refused(replica, cbor.encode([note, proof, [*entries[:-1], [index, raw + b"\0", path]], more]))


def test_reordered_and_repeated_entries_are_refused(world: World) -> None:
    note, proof, entries, more = parts(world, replica := world.replica(HELD_BY))
    refused(replica, cbor.encode([note, proof, entries[::-1], more]))
    refused(replica, cbor.encode([note, proof, [entries[0], entries[0]], more]))
    refused(replica, cbor.encode([note, proof, [entries[1], entries[0]], more]))


def test_priv_2_an_old_consent_told_again_does_not_undo_its_revocation(world: World) -> None:
    world.consent()
    world.revoke()
    replica = world.sync(world.replica(HELD_BY), HELD_BY)
    assert replica.revoked(HANDLE, ASKED_BY)
    note, _proof, entries, _more = parts(world, world.replica(HELD_BY))
    granted = [e for e in entries if leaf.is_statement(e[1]) and statement.decode(e[1]).kind == "consent-grant"]
    assert len(granted) == 1
    refused(replica, cbor.encode([note, [], granted, False]))
    assert replica.revoked(HANDLE, ASKED_BY)


def test_log_1_a_log_that_shrinks_is_refused(world: World) -> None:
    earlier = world.page(world.replica(HELD_BY), HELD_BY)
    world.point(OTHER_POINTER, OTHER_HANDLE)
    replica = world.sync(world.replica(HELD_BY), HELD_BY)
    refused(replica, earlier)


def test_log_2_a_fork_is_refused(world: World) -> None:
    replica = world.sync(world.replica(HELD_BY), HELD_BY)
    other = opened()
    other.point(OTHER_POINTER, OTHER_HANDLE)
    assert other.store.head().size > replica.size
    refused(replica, other.feed.page(HELD_BY, replica._next, replica.size))
    other.close()


def test_log_2_another_root_of_the_same_size_is_refused(world: World) -> None:
    replica = world.sync(world.replica(HELD_BY), HELD_BY)
    note = Checkpoint(ORIGIN, replica.size, b"r" * 32).sign(LOG)
    refused(replica, cbor.encode([note, [], [], False]))


def test_a_proof_that_drops_a_hash_is_refused(world: World) -> None:
    replica = world.sync(world.replica(HELD_BY), HELD_BY)
    world.point(OTHER_POINTER, OTHER_HANDLE)
    note, proof, entries, more = parts(world, replica)
    assert proof
    refused(replica, cbor.encode([note, proof[:-1], entries, more]))
    refused(replica, cbor.encode([note, [], entries, more]))
    index, raw, path = entries[0]
    refused(replica, cbor.encode([note, proof, [[index, raw, path[:-1]], *entries[1:]], more]))
    refused(replica, cbor.encode([note, proof, [[index + 1, raw, path], *entries[1:]], more]))


def test_a_checkpoint_of_another_key_or_origin_is_refused(world: World) -> None:
    replica = world.replica(HELD_BY)
    _note, proof, entries, more = parts(world, replica)
    head = world.store.head().size
    for key, origin in ((key_of("stranger"), ORIGIN), (LOG, "other.example/log")):
        note = Checkpoint(origin, head, world.store.root(head)).sign(key)
        refused(replica, cbor.encode([note, proof, entries, more]), "checkpoint.refused")


def test_a_page_of_another_form_is_refused(world: World) -> None:
    replica = world.replica(HELD_BY)
    note, proof, entries, more = parts(world, replica)
    strange: list[cbor.Value] = [None, [], {}, 7, [note], [note, proof, entries], [note, proof, entries, "no"]]
    strange += [[note, [b"short"], entries, more], [note, proof, [[0]], more], [note, proof, [["0", b"", []]], more]]
    strange += [[b"note", proof, entries, more], [note, proof, [None], more], [note, proof, [[0, b"", [1]]], more]]
    for value in strange:
        refused(replica, cbor.encode(value))
    refused(replica, b"", "cbor.malformed")
    refused(replica, b"garbage", "cbor.malformed")


def test_priv_2_a_feed_that_promises_for_ever_ends_refused(world: World) -> None:
    class Endless:
        def get(self, _path: str, _key: object) -> bytes:
            note, proof, _entries, _more = parts(world, world.replica(HELD_BY))
            return cbor.encode([note, proof, [], True])

    replica = world.replica(HELD_BY)
    with pytest.raises(PojuError) as caught:
        replica.sync(Endless(), Seconds(world.now))  # type: ignore[arg-type]  # the one method that sync calls
    assert caught.value.code == "replica.refused"
    assert replica.fetched == 0, "a feed that does not hold never makes the copy look fresh"


def test_a_suspended_member_is_no_member_of_the_replica(world: World) -> None:
    replica = world.sync(world.replica(HELD_BY), HELD_BY)
    thumbprint = key_of(ASKED_BY).public.thumbprint
    assert replica.key(thumbprint) == (ASKED_BY, key_of(ASKED_BY).public)
    world.must("member-suspend", "commission", f"member/{ASKED_BY}", reason="key-lost")
    world.sync(replica, HELD_BY)
    assert replica.key(thumbprint) is None
    assert replica.member_key(ASKED_BY, thumbprint) is None


def entries_of(world: World, member: str) -> list[statement.UnverifiedStatement]:
    found = [world.store.leaf(index) or b"" for index in world.feed._folded(world.store.head().size).visible(member, 0)]
    return [statement.decode(raw) for raw in found if leaf.is_statement(raw)]


def test_priv_1_no_member_reads_what_is_between_others(world: World) -> None:
    world.consent()
    world.request()
    world.point(OTHER_POINTER, OTHER_HANDLE, "clinic-a")
    world.consent(OTHER_HANDLE, "university")
    world.revoke(OTHER_HANDLE, "university")
    ends = {"identity-index", HELD_BY, ASKED_BY}
    for member in (*MEMBERS, "commission"):
        private = [item for item in entries_of(world, member) if not world.rules.is_public(item.kind)]
        for item in private:
            if item.subject == f"pointer/{OTHER_POINTER}":
                assert member == "clinic-a"
            elif item.subject.endswith(OTHER_HANDLE):
                assert member in {"clinic-a", "identity-index", "university"}
            elif item.kind == "pointer":
                assert member == HELD_BY
            else:
                assert member in ends, (member, item.kind)
    kinds = [item.kind for item in entries_of(world, HELD_BY) if not world.rules.is_public(item.kind)]
    assert sorted(kinds) == ["access-request", "consent-grant", "pointer"]


def test_priv_1_a_decision_goes_where_its_statement_goes(world: World) -> None:
    world.consent()
    world.request()
    size = world.store.head().size
    decisions = [i for i in range(size) if (world.store.leaf(i) or b"")[:1] == b"\xda"]
    decisions = [i for i in decisions if isinstance(leaf.decode(world.store.leaf(i) or b""), leaf.DecisionLeaf)]
    assert decisions
    for member in (*MEMBERS, "commission"):
        seen = set(world.feed._folded(size).visible(member, 0)) & set(decisions)
        assert bool(seen) == (member in {HELD_BY, ASKED_BY})


def test_priv_2_whoever_learns_a_handle_cannot_draw_its_revocations_away(world: World) -> None:
    """A grantee sees the handle in its consent; pointing at it must not make it the handle's custodian."""
    world.consent()
    world.point(OTHER_POINTER, HANDLE, ASKED_BY)
    world.consent(grantee="clinic-a")
    world.revoke()
    replica = world.sync(world.replica(HELD_BY), HELD_BY)
    assert replica.revoked(HANDLE, ASKED_BY)
    assert not [item for item in entries_of(world, ASKED_BY) if item.fields.get("grantee") == "clinic-a"]


def test_every_kind_with_a_field_that_is_not_public_is_private(world: World) -> None:
    kinds = world.package.all_kinds().values()
    members_only = {kind.id for kind in kinds if any(field.field_class != "public" for field in kind.fields.values())}
    assert members_only
    assert {kind.id for kind in kinds if not world.rules.is_public(kind.id)} == members_only
    assert not world.rules.is_public("a-kind-that-nobody-defined")


def test_priv_1_many_readers_at_once_fold_each_entry_once(world: World) -> None:
    world.consent()
    for number in range(1, 12):
        world.request(number)
    feed, alone = Feed(world.engine, world.rules.is_public), Visibility(world.rules.is_public)
    size = world.store.head().size
    alone.extend(world.store.leaves(0, size))
    with ThreadPoolExecutor(8) as readers:
        list(readers.map(lambda member: feed.page(member, 0, 0), [*MEMBERS] * 4))
    assert feed._visibility.size == size
    for member in MEMBERS:
        assert feed._visibility.visible(member, 0) == alone.visible(member, 0)


def test_a_feed_in_pages_arrives_whole(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poju.node.ledger_api.FEED_LIMIT", 3)
    replica = world.sync(world.replica(HELD_BY), HELD_BY)
    assert replica.root == world.store.root(replica.size)
    assert len(replica._keys) == len(MEMBERS) + 1
    assert replica.root != merkle.EMPTY_ROOT
