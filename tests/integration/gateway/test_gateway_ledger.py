"""The contract of the carrier's ledger: what it keeps, in memory as in a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from ledger_kit import CARRIER, NOW, NUMBER, TICKET, a_submission, submit

from mobile_gateway.carrier import holders, receipts
from mobile_gateway.carrier.carrier import Carrier, QueueFull, Taken
from mobile_gateway.carrier.faults import AccountRules, Fate, Faults, Script, Step
from mobile_gateway.carrier.ledger import Ledger
from mobile_gateway.carrier.messages import Dlr, Entry, Message, Policy, State, Way
from mobile_gateway.carrier.outgoing import Forwarded, Kind, NotNow, Outgoing
from mobile_gateway.handset.phone import Phone, Pressed
from mobile_gateway.keys import Key
from mobile_gateway.subscribers import Model, SubscriberState, new_subscriber

pytest_plugins = ["ledger_plugin"]


def message(ledger: Ledger, key: str) -> Message:
    found = ledger.message(f"m-{key}")
    assert found
    return found


def test_a_message_comes_back_as_it_went_by_id_and_by_key(ledger: Ledger) -> None:
    taken = submit(
        ledger,
        "a",
        data_coding=8,
        esm_class=3,
        protocol_id=65,
        priority=2,
        service_type="WAP",
        schedule_at=NOW + timedelta(hours=1),
        way=Way.SENDSMS,
        dlr=Dlr("http://a.example/?%d", 31),
    )
    assert isinstance(taken, Taken)
    found = ledger.message_of_key("demo", "a")
    assert found
    assert found[1] == taken.message.submission.fingerprint()
    # Whether validity or expiry was given is not kept apart: the message knows when it expires.
    kept = replace(taken.message, submission=replace(taken.message.submission, validity_seconds=None))
    for back in (message(ledger, "a"), found[0]):
        assert replace(back, submission=replace(back.submission, validity_seconds=None)) == kept
    assert ledger.message("m-b") is None
    assert ledger.message_of_key("other", "a") is None


def test_due_messages_come_by_urgency_then_oldest_first_and_up_to_the_limit(ledger: Ledger) -> None:
    submit(ledger, "late", now=NOW + timedelta(seconds=1))
    submit(ledger, "early")

    def due(seconds: int, limit: int) -> list[str | None]:
        return [one.submission.key for one in ledger.due(NOW + timedelta(seconds=seconds), limit=limit)]

    assert due(2, 9) == ["early", "late"]
    assert due(2, 1) == ["early"]
    assert due(0, 9) == ["early"]
    assert due(2, 0) == []
    assert ledger.next_due() == NOW
    CARRIER.submit(ledger, [("m-u", a_submission("urgent", account="other", priority=3))], now=NOW)
    assert due(2, 2) == ["urgent", "early"]


def test_a_message_of_any_priority_comes_due(ledger: Ledger) -> None:
    for priority in range(4):
        CARRIER.submit(
            ledger, [(f"m{priority}", a_submission(None, account=f"a{priority}", priority=priority))], now=NOW
        )
        assert ledger.next_due() == NOW
    assert [one.submission.priority for one in ledger.due(NOW, limit=9)] == [3, 2, 1, 0]


def test_the_backlog_counts_what_has_not_ended(ledger: Ledger) -> None:
    submit(ledger, "a")
    submit(ledger, "b")
    assert submit(ledger, "c") == QueueFull(2)
    assert (ledger.backlog("demo"), ledger.backlog("other")) == (2, 0)
    CARRIER.deliver(ledger, now=NOW, limit=1)
    assert ledger.backlog("demo") == 1
    assert isinstance(submit(ledger, "c"), Taken)


def test_waiting_messages_are_brought_forward_for_one_number_only(ledger: Ledger) -> None:
    holders.set_subscriber(ledger, NUMBER, state=SubscriberState.OFF, now=NOW)
    submit(ledger, "a")
    CARRIER.deliver(ledger, now=NOW, limit=9)
    submit(ledger, "later", schedule_at=NOW + timedelta(hours=1))
    assert ledger.due(NOW, limit=9) == []
    assert ledger.make_due("+10000000", NOW) == 0
    assert ledger.make_due(NUMBER, NOW) == 1
    assert [one.submission.key for one in ledger.due(NOW, limit=9)] == ["a"]


def test_what_waits_between_two_addresses_is_found_and_can_be_replaced(ledger: Ledger) -> None:
    submit(ledger, "a")
    submit(ledger, "b", service_type="WAP")

    def waiting(service_type: str | None, sender: str = "me") -> list[str]:
        return [one.id for one in ledger.waiting("demo", sender=sender, to=NUMBER, service_type=service_type)]

    assert waiting(None) == ["m-a", "m-b"]
    assert waiting("WAP") == ["m-b"]
    assert waiting(None, "you") == []
    newest = ledger.replaceable(a_submission(None, service_type="WAP"))
    assert newest
    assert newest.id == "m-b"
    changed = replace(newest, submission=replace(newest.submission, user_data=b"other"), due_at=NOW)
    ledger.replace_message(changed)
    assert message(ledger, "b") == changed
    CARRIER.deliver(ledger, now=NOW, limit=9)
    assert waiting(None) == []
    assert ledger.replaceable(a_submission(None)) is None


def test_a_phone_remembers_its_messages_its_tickets_and_where_its_holder_was(ledger: Ledger) -> None:
    submit(ledger, "a")
    submit(ledger, "b", "hello")
    CARRIER.deliver(ledger, now=NOW, limit=9)

    def act(what: Callable[[Phone], Pressed]) -> Phone:
        pressed = holders.act(ledger, NUMBER, what, now=NOW)
        assert pressed
        return pressed.phone

    act(lambda phone: Pressed(phone.store("m-a")))
    act(lambda phone: Pressed(phone.delete("m-b")))
    after = act(lambda phone: phone.press(Key.OK, now=NOW))
    subscriber = ledger.subscriber(NUMBER)
    assert subscriber
    phone = ledger.phone(subscriber)
    assert [(held.id, held.text, held.opened, held.stored) for held in phone.messages] == [("m-a", TICKET, True, True)]
    assert phone == after
    assert phone.messages[0].received_at == NOW


def test_the_newest_message_is_first_after_a_reload(ledger: Ledger) -> None:
    submit(ledger, "a")
    submit(ledger, "b")
    CARRIER.deliver(ledger, now=NOW, limit=9)
    subscriber = ledger.subscriber(NUMBER)
    assert subscriber
    assert [held.id for held in ledger.phone(subscriber).messages] == ["m-b", "m-a"]


def test_subscribers_are_listed_by_their_last_activity(ledger: Ledger) -> None:
    for second, number in enumerate(("+10000001", "+10000002", "+10000003")):
        ledger.save_subscriber(new_subscriber(number, now=NOW + timedelta(seconds=second)))
    holders.set_subscriber(ledger, "+10000001", model=Model.SMART, now=NOW + timedelta(seconds=9))
    assert [one.number for one in ledger.subscribers(limit=2)] == ["+10000001", "+10000003"]
    changed = ledger.subscriber("+10000001")
    assert changed
    assert (changed.model, changed.created_at) == (Model.SMART, NOW)


def test_history_tells_the_beginning_the_unusual_and_the_end_in_order(ledger: Ledger) -> None:
    submit(ledger, "a")
    ledger.add_entry("m-a", Entry(NOW + timedelta(seconds=1), State.ENROUTE, "handset off"))
    CARRIER.deliver(ledger, now=NOW + timedelta(seconds=2), limit=9)
    ledger.add_entry("m-a", Entry(NOW + timedelta(seconds=3), State.DELIVERED, "receipt given up"))
    submit(ledger, "b")
    told = [(entry.note, (entry.at - NOW).total_seconds()) for entry in ledger.history(message(ledger, "a"))]
    assert told == [("accepted", 0), ("handset off", 1), ("on the handset", 2), ("receipt given up", 3)]
    assert [entry.note for entry in ledger.history(message(ledger, "b"))] == ["accepted"]


def test_what_is_owed_comes_back_as_it_went_waits_is_changed_and_goes(ledger: Ledger) -> None:
    submit(ledger, "a")
    CARRIER.deliver(ledger, now=NOW, limit=9)
    due_at = ledger.next_outgoing_due(Way.SMPP, "demo")
    assert due_at == NOW + timedelta(seconds=0.5)
    assert ledger.due_outgoing(Way.SMPP, "demo", NOW, limit=9) == []
    (receipt,) = ledger.due_outgoing(Way.SMPP, "demo", due_at, limit=9)
    expected = receipts.final(message(ledger, "a"), CARRIER.policy, now=NOW)
    assert expected
    assert receipt == replace(expected, id=receipt.id)
    receipts.settle(ledger, [(receipt, NotNow("away"))], policy=CARRIER.policy, now=NOW)
    later = replace(receipt, attempts=1, due_at=NOW + timedelta(seconds=1))
    assert ledger.due_outgoing(Way.SMPP, "demo", NOW + timedelta(seconds=1), limit=9) == [later]
    ledger.make_outgoing_due(Way.SMPP, "demo", NOW)
    assert ledger.next_outgoing_due(Way.SMPP, "demo") == NOW
    receipts.settle(ledger, [(later, Forwarded())], policy=CARRIER.policy, now=NOW)
    assert ledger.next_outgoing_due(Way.SMPP, "demo") is None


def owed(account: str, way: Way, at: datetime = NOW) -> Outgoing:
    return Outgoing(0, account, way, Kind.MESSAGE, "m", NUMBER, "1588", at, b"\x00hi", data_coding=4, due_at=at)


def test_what_is_owed_is_found_by_its_way_and_its_account(ledger: Ledger) -> None:
    plain = [owed("a", Way.SMPP), owed("b", Way.SMPP), owed("a", Way.HTTP), owed("b", Way.HTTP)]
    ledger.add_outgoing(plain)

    def found(way: Way, account: str | None) -> list[str]:
        return [one.account for one in ledger.due_outgoing(way, account, NOW, limit=9)]

    assert (found(Way.SMPP, "a"), found(Way.HTTP, None), found(Way.PAP, None)) == (["a"], ["a", "b"], [])
    kept = ledger.due_outgoing(Way.SMPP, "b", NOW, limit=9)
    assert kept == [replace(plain[1], id=kept[0].id)]


def test_what_nobody_took_for_too_long_is_given_up(ledger: Ledger) -> None:
    ledger.add_outgoing([owed("a", Way.SMPP), owed("a", Way.SMPP, NOW + timedelta(days=1))])
    assert ledger.give_up_outgoing(NOW + timedelta(hours=1)) == 1
    assert ledger.next_outgoing_due(Way.SMPP, "a") == NOW + timedelta(days=1)


def test_messages_that_ended_long_ago_are_forgotten_and_those_under_way_never(ledger: Ledger) -> None:
    carrier = Carrier(Policy())
    holders.set_subscriber(ledger, "+10000000", state=SubscriberState.OFF, now=NOW)
    for second in range(6):
        at = NOW + timedelta(seconds=second)
        to = "+10000000" if second == 0 else NUMBER
        carrier.submit(ledger, [(f"m-{second}", a_submission(str(second), to=to))], now=at)
        carrier.deliver(ledger, now=at, limit=9)

    def prune(before: int, keep_max: int, limit: int = 9) -> list[int]:
        ledger.prune(ended_before=NOW + timedelta(seconds=before), keep_max=keep_max, limit=limit)
        return [second for second in range(6) if ledger.message(f"m-{second}")]

    assert prune(0, 6) == [0, 1, 2, 3, 4, 5]
    assert prune(3, 6) == [0, 3, 4, 5]
    assert prune(0, 3) == [0, 4, 5]
    assert prune(100, 0, limit=1) == [0, 5]
    assert prune(100, 0) == [0]
    assert ledger.message_of_key("demo", "3") is None
    submit(ledger, "3")  # the key is free again


def test_what_is_set_about_the_network_is_kept(ledger: Ledger) -> None:
    assert (ledger.faults(), ledger.rules("demo")) == (Faults(), AccountRules())
    ledger.set_faults(faults := Faults(seed=7, latency_ms=20, loss=0.5, since=3))
    ledger.set_rules("demo", rules := AccountRules(submits_per_second=5, throttle_next=2))
    assert (ledger.faults(), ledger.rules("demo"), ledger.rules("other")) == (faults, rules, AccountRules())


def test_a_script_is_used_up_by_attempts(ledger: Ledger) -> None:
    assert not ledger.has_scripts()
    ledger.set_script(NUMBER, Script((Step(Fate.ABSENT, 2), Step(Fate.BARRED))))
    assert ledger.has_scripts()
    assert ledger.next_fate("+10000000") is None
    fates = [ledger.next_fate(NUMBER) for _ in range(4)]
    assert fates == [Fate.ABSENT, Fate.ABSENT, Fate.BARRED, None]
    assert not ledger.has_scripts()
