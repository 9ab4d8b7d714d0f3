"""Every constraint is planted a row that breaks it, and refuses: the last line, behind schemas and rules."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from builders import BUYER, Shop, Stage, a_booking, a_gate, a_scan, an_account, typed
from fakes import BAD_CARD
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from app.domain.refusals import PaymentRefused
from app.flows.paying import pay
from app.flows.paying.pay import Tender
from app.flows.talk import converse
from app.ports import CardToken
from app.store import tables

BREACHES: dict[str, str] = {
    # issuers and what they sell
    "ck_issuer_currency": "UPDATE issuer SET currency = 'won'",
    "ck_issuer_fee_basis_points": "UPDATE issuer SET fee_basis_points = 10001",
    "uq_issuer_slug": "COPY issuer",
    "uq_venue_issuer_id_slug": "COPY venue",
    "uq_stop_issuer_id_code": "COPY stop",
    "uq_route_issuer_id_code": "COPY route",
    "uq_product_issuer_id_slug": "COPY product",
    "ck_product_kind": "UPDATE product SET kind = 'meal' WHERE kind <> 'voucher'",
    "ck_product_transfer": "UPDATE product SET transfer = 'perhaps'",
    "ck_product_refund": "UPDATE product SET refund = 'perhaps'",
    "ck_product_uses": "UPDATE product SET uses = 0",
    "ck_product_booking_limit": "UPDATE product SET booking_limit = 51",
    "ck_product_buyer_limit": "UPDATE product SET buyer_limit = 0",
    "ck_product_face_value": "UPDATE product SET face_value = 1 WHERE kind <> 'voucher'",
    "ck_product_valid_days": "UPDATE product SET valid_days = 0",
    "ck_product_transfer_minutes_before": "UPDATE product SET transfer_minutes_before = -1",
    "uq_occasion_product_id_slug": "COPY occasion SET code = 1",
    "uq_occasion_issuer_id_code": "COPY occasion SET slug = 'another'",
    "ck_occasion_stock": "UPDATE occasion SET stock = 'endless'",
    "uq_occasion_sms_code": "UPDATE occasion SET sms_code = 1001",
    "ck_occasion_sms_code": "UPDATE occasion SET sms_code = 1000",
    "ck_occasion_code": "UPDATE occasion SET code = 4294967296",
    "ck_occasion_ends_after_start": "UPDATE occasion SET ends_at = starts_at WHERE starts_at IS NOT NULL",
    "ck_occasion_sales_window": "UPDATE occasion SET sales_from = now(), sales_until = now()",
    "ck_occasion_admits_window": "UPDATE occasion SET admits_from = now(), admits_until = now()",
    "uq_price_natural": "COPY price",
    "ck_price_amount": "UPDATE price SET amount = -1",
    "ck_price_currency": "UPDATE price SET currency = 'KR'",
    # stock
    "uq_seating_issuer_id_slug": "COPY seating",
    "uq_seating_place_seating_id_guid": "UPDATE seating_place SET guid = 'same'",
    "ck_seating_place_pos": "UPDATE seating_place SET pos = -1 - pos",
    "uq_place_occasion_id_pos": "COPY place SET guid = 'another'",
    "uq_place_occasion_id_guid": "COPY place SET pos = 999",
    "ck_place_held_by_somebody": "UPDATE place SET held_until = now(), taken_by = NULL",
    "ck_place_pos": "UPDATE place SET pos = -1 - pos",
    # sales
    "uq_booking_link_hash": "UPDATE booking SET link_hash = 'same'",
    "ck_booking_state": "UPDATE booking SET state = 'dreamt'",
    "ck_booking_amount": "UPDATE booking SET amount = -1",
    "ck_booking_currency": "UPDATE booking SET currency = '₩'",
    "ck_booking_buyer": "UPDATE booking SET buyer = '01012345678'",
    "uq_booking_item_booking_id_line": "COPY booking_item",
    "ck_booking_item_amount": "UPDATE booking_item SET amount = -1",
    "ck_booking_item_handset": "UPDATE booking_item SET handset = '+0'",
    "ck_booking_item_journey": "UPDATE booking_item SET origin_id = (SELECT id FROM stop LIMIT 1)",
    "uq_payment_booking_id_attempt_part": "COPY payment SET key = 'another' WHERE state = 'declined'",
    "uq_payment_key_issuer_id": "COPY payment SET attempt = 9 WHERE state = 'declined'",
    "uq_payment_live": "COPY payment SET attempt = 9, key = 'another' WHERE state = 'captured'",
    "ck_payment_state": "UPDATE payment SET state = 'hoped'",
    "ck_payment_amount": "UPDATE payment SET amount = 0",
    "ck_payment_currency": "UPDATE payment SET currency = '1'",
    "ck_payment_part": "UPDATE payment SET part = 0",
    "ck_payment_refunded": "UPDATE payment SET refunded = amount + 1",
    "ck_payment_action": "UPDATE payment SET state = 'requires_action' WHERE state = 'captured'",
    "ck_payment_event_kind": "UPDATE payment_event SET kind = 'rumour'",
    "ck_payment_attempt": "UPDATE payment SET attempt = 0 WHERE attempt = 1",
    "uq_ticket_issuer_id_number": "UPDATE ticket SET number = '0000000000'",
    "uq_ticket_issuer_id_code": "UPDATE ticket SET code = 1",
    "uq_ticket_link_hash": "UPDATE ticket SET link_hash = 'same'",
    "uq_ticket_gift_of": "UPDATE ticket SET came_by = 'given', gift_of = (SELECT id FROM ticket LIMIT 1)",
    "ck_ticket_came_by": "UPDATE ticket SET came_by = 'found'",
    "ck_ticket_sold": "UPDATE ticket SET came_by = 'given'",
    "uq_ticket_item": "UPDATE ticket SET item_id = (SELECT id FROM booking_item LIMIT 1)",
    "uq_ticket_place": "UPDATE ticket SET place_id = (SELECT id FROM place LIMIT 1)",
    "ck_ticket_state": "UPDATE ticket SET state = 'lost'",
    "ck_ticket_number": "UPDATE ticket SET number = '123'",
    "ck_ticket_code": "UPDATE ticket SET code = -1",
    "ck_ticket_handset": "UPDATE ticket SET handset = 'me'",
    "ck_ticket_uses": "UPDATE ticket SET uses = 0",
    "ck_ticket_balance": "UPDATE ticket SET balance = -1",
    "ck_ticket_validity": "UPDATE ticket SET valid_until = valid_from",
    "ck_ticket_generation": "UPDATE ticket SET generation = 256",
    # handsets
    "ck_device_handset": "UPDATE device SET handset = '112'",
    "ck_device_public_key": "UPDATE device SET public_key = 'short'",
    "uq_device_thumbprint": "COPY device",
    "ck_sign_in_handset": "UPDATE sign_in SET handset = '112'",
    "ck_sign_in_purpose": "UPDATE sign_in SET purpose = 'fun'",
    "ck_sign_in_tries": "UPDATE sign_in SET tries = -1",
    "ck_offer_state": "UPDATE offer SET state = 'perhaps'",
    "ck_offer_asked": "UPDATE offer SET asked = -1",
    "ck_offer_giver": "UPDATE offer SET giver = '112'",
    "ck_offer_receiver": "UPDATE offer SET receiver = giver",
    "ck_offer_became": "UPDATE offer SET became = ticket_id",
    "uq_offer_open": "COPY offer SET link_hash = '\\\\x01'",
    "uq_offer_link_hash": "COPY offer SET state = 'withdrawn'",
    "ck_handover_state": "UPDATE handover SET state = 'perhaps', ended_at = now()",
    "ck_handover_came_by": "UPDATE handover SET came_by = 'found'",
    "ck_handover_handed": "UPDATE handover SET came_by = 'sold'",
    "ck_handover_receiver": "UPDATE handover SET receiver = '112'",
    "ck_handover_number": "UPDATE handover SET number = '12'",
    "ck_handover_code": "UPDATE handover SET code = -1",
    "ck_handover_generation": "UPDATE handover SET generation = 1",
    "ck_handover_refused": "UPDATE handover SET reason = 'used'",
    "ck_handover_ended": "UPDATE handover SET ended_at = now()",
    "uq_handover_asked": "COPY handover SET number = '0000000002', code = 2",
    "uq_handover_issuer_id_number": "COPY handover SET code = 2, state = 'done', ended_at = created_at",
    "uq_handover_issuer_id_code": "COPY handover SET number = '0000000002', state = 'done', ended_at = created_at",
    # messages
    "ck_delivery_sign_in": "UPDATE delivery SET sign_in_id = (SELECT id FROM sign_in)",
    "ck_delivery_offer": "UPDATE delivery SET offer_id = (SELECT id FROM offer)",
    "ck_delivery_purpose": "UPDATE delivery SET purpose = 'fun'",
    "ck_delivery_state": "UPDATE delivery SET state = 'somewhere'",
    "ck_delivery_handset": "UPDATE delivery SET handset = '112'",
    "ck_delivery_parts": "UPDATE delivery SET parts = 0",
    "ck_delivery_tried": "UPDATE delivery SET tried = -1",
    "ck_delivery_reply": "UPDATE delivery SET reply = '{}'",
    "ck_delivery_issuer": "UPDATE delivery SET issuer_id = NULL",
    "ck_delivery_try_outcome": "UPDATE delivery_try SET outcome = 'perhaps'",
    "ck_delivery_try_seq": "UPDATE delivery_try SET seq = 0",
    "ck_handset_profile_profile": "UPDATE handset_profile SET profile = 'fax'",
    "ck_handset_profile_handset": "UPDATE handset_profile SET handset = 'me'",
    # conversations
    "uq_inbox_channel_message_id": "UPDATE inbox SET message_id = 'same'",
    "ck_inbox_handset": "UPDATE inbox SET handset = '1588'",
    "ck_inbox_answered_whole": "UPDATE inbox SET heard = 'buy'",
    "ck_inbox_forgotten": "UPDATE inbox SET sealed = NULL",
    "ck_inbox_part_sequence": "UPDATE inbox_part SET sequence = 3",
    "ck_conversation_handset": "UPDATE conversation SET handset = '1588'",
    "ck_conversation_one_question": "UPDATE conversation SET choices = '[]'",
    # money
    "uq_account_issuer_id_kind_handset_currency": "COPY account",
    "ck_account_kind": "UPDATE account SET kind = 'secret'",
    "ck_account_balance": "UPDATE account SET balance = -1 WHERE kind = 'prepaid'",
    "ck_account_prepaid": "UPDATE account SET balance = NULL",
    "ck_account_handset": "UPDATE account SET handset = '1' WHERE kind = 'prepaid'",
    "ck_account_currency": "UPDATE account SET currency = '?'",
    "uq_transfer_key_issuer_id": "COPY transfer",
    "uq_transfer_voucher": "UPDATE transfer SET ticket_id = (SELECT id FROM ticket LIMIT 1)",
    "ck_transfer_kind": "UPDATE transfer SET kind = 'theft'",
    "ck_transfer_amount": "UPDATE transfer SET amount = 0",
    "ck_transfer_two_sides": "UPDATE transfer SET debit_id = credit_id",
    "ck_refund_state": "UPDATE refund SET state = 'promised'",
    "ck_refund_reason": "UPDATE refund SET reason = 'mood'",
    "ck_refund_amount": "UPDATE refund SET amount = 0",
    "ck_refund_currency": "UPDATE refund SET currency = '?'",
    "ck_refund_attempt": "UPDATE refund SET attempt = 0",
    "ck_dispute_state": "UPDATE dispute SET state = 'heated'",
    "ck_dispute_amount": "UPDATE dispute SET amount = 0",
    "ck_dispute_currency": "UPDATE dispute SET currency = '?'",
    "uq_dispute_provider_reference": "COPY dispute",
    "ck_settlement_currency": "UPDATE settlement SET currency = '?'",
    "ck_settlement_span": "UPDATE settlement SET ends_at = starts_at",
    "uq_settlement_issuer_id_currency_starts_at": "COPY settlement SET ends_at = now()",
    "uq_settlement_issuer_id_currency_ends_at": "COPY settlement SET starts_at = '2000-01-01'",
    # the register
    "uq_credential_issuer_id_number_seller": "UPDATE credential SET number = '1'",
    "uq_credential_issuer_id_code_seller": "UPDATE credential SET code = 1",
    "ck_credential_version": "UPDATE credential SET version = 0",
    "ck_credential_elsewhere": "UPDATE credential SET seller = 'another'",
    "ck_credential_kind": "UPDATE credential SET kind = 'meal'",
    "ck_credential_state": "UPDATE credential SET state = 'lost'",
    "ck_credential_uses_left": "UPDATE credential SET uses_left = -1",
    "ck_credential_balance": "UPDATE credential SET balance = -1",
    "uq_gate_issuer_id_name": "UPDATE gate SET name = 'same'",
    "uq_gate_enrolment": "UPDATE gate SET enrolment_hash = 'same'",
    "ck_gate_state": "UPDATE gate SET state = 'ajar'",
    "ck_scan_kind": "UPDATE scan SET kind = 'glance'",
    "ck_scan_reason": "UPDATE scan SET reason = 'mood'",
    "ck_gate_role": "UPDATE gate SET role = 'king'",
    "ck_gate_direction": "UPDATE gate SET direction = 'up'",
    "ck_gate_device_key": "UPDATE gate SET device_key = 'short'",
    "uq_gate_home": "UPDATE gate SET home = true",
    "ck_gate_log_seq": "COPY gate_log SET seq = 0",
    "ck_incident_kind": "UPDATE incident SET kind = 'mishap'",
    "uq_incident_gate_id_scan_id_kind": "COPY incident",
    "uq_admission_ticket_id_use_no": "COPY admission SET scan_id = 'another'",
    "ck_admission_person": "UPDATE admission SET person = 0",
    "ck_credential_inside": "UPDATE credential SET inside = uses - uses_left + 1",
    "ck_credential_carried": "UPDATE credential SET carried = 1",
    "ck_credential_holder_key": "UPDATE credential SET holder_key = 'short'",
    "ck_credential_came_by": "UPDATE credential SET came_by = 'found', replaces = ticket_id",
    "ck_credential_first": "UPDATE credential SET came_by = 'given'",
    "uq_credential_replaces": "UPDATE credential SET came_by = 'given', replaces = issuer_id",
    "ck_admission_use_no": "UPDATE admission SET use_no = 0",
    "ck_pin_guard_tries": "UPDATE pin_guard SET tries = -1",
    "ck_spend_ticket": "UPDATE spend SET ticket_id = NULL",
    "ck_spend_direction": "UPDATE spend SET reverses = key",
    # other servers
    "ck_peer_role": "UPDATE peer SET role = 'friend'",
    "ck_peer_cursor": "UPDATE peer SET cursor = -1",
    # the edges
    "uq_outbox_topic_key": "UPDATE outbox SET topic = 'deliver', key = 'same'",
    "ck_outbox_topic": "UPDATE outbox SET topic = 'gossip' WHERE issuer_id IS NOT NULL",
    "ck_outbox_issuer": "UPDATE outbox SET issuer_id = NULL WHERE topic = 'register'",
    "ck_outbox_one_end": "UPDATE outbox SET done_at = now(), dead_at = now()",
    "ck_outbox_attempts": "UPDATE outbox SET attempts = -1",
    "ck_idempotency_answered_whole": "UPDATE idempotency SET status = 200",
    "ck_journal_seq": "COPY journal SET seq = 0",
    "uq_api_key_prefix": "UPDATE api_key SET prefix = 'same'",
}
"""One statement for each constraint. `COPY table SET …` stands for the same rows once more under new ids."""


def _statement(breach: str) -> str:
    """`COPY x SET a = 1 WHERE …` as an INSERT of x's rows with new ids and these columns."""
    if not breach.startswith("COPY "):
        return breach
    rest, _, where = breach.removeprefix("COPY ").partition(" WHERE ")
    table, _, changes = rest.partition(" SET ")
    pairs = ["'id', gen_random_uuid()"]
    for change in filter(None, changes.split(", ")):
        column, _, value = change.partition(" = ")
        pairs.append(f"'{column}', {value}")
    patch = f"jsonb_build_object({', '.join(pairs)})"
    chosen = f"WHERE {where}" if where else ""
    return f"INSERT INTO {table} SELECT (jsonb_populate_record(t, {patch})).* FROM {table} t {chosen}"  # noqa: S608 - constants above


async def a_full_database(stage: Stage, shop: Shop) -> None:
    """At least two rows of everything that can have two."""
    made = await a_booking(stage, shop, quantity=2)
    with pytest.raises(PaymentRefused):
        await pay.pay(stage.world, made.id, [Tender(BAD_CARD)])
    await pay.pay(stage.world, made.id, [Tender(CardToken("pm_card_visa"))])
    await a_booking(stage, shop, of="gift/open", category="gift", worked=True)
    await an_account(stage, shop, 1_000)
    await an_account(stage, shop, 1_000)
    gate = await a_gate(stage, shop)
    await a_gate(stage, shop)
    ride = await a_booking(stage, shop, of="carnet/open", category="adult", worked=True)
    assert (await a_scan(stage, shop, gate, typed(ride.tickets[0])))["admit"]
    await a_scan(stage, shop, gate, "482910375-1 000000")
    values = {"now": stage.clock.now()}
    for number in ("1", "2"):
        assert await converse.receive(
            stage.world, channel="sms_http", message_id=number, sender=BUYER, to="1588", text="help", at=values["now"]
        )
    for statement in (
        "INSERT INTO conversation SELECT '+821012345678', 'ko', id, NULL, :now FROM booking LIMIT 1",
        "INSERT INTO spend SELECT issuer_id, CAST(ticket_id AS varchar), ticket_id, 5, NULL, :now FROM credential",
        "INSERT INTO peer (name, role, cursor) VALUES ('sales', 'seller', 0)",
        (
            "INSERT INTO refund (id, issuer_id, booking_id, payment_id, state, amount, currency, reason, note,"
            " asked_by, ticket_ids, used_too, attempt, created_at, updated_at) SELECT gen_random_uuid(), issuer_id,"
            " booking_id, id, 'failed', amount, currency, 'staff', '', 'x', '{}', false, 1, :now, :now FROM payment"
        ),
        (
            "INSERT INTO dispute (id, issuer_id, booking_id, payment_id, provider, reference, state, amount, currency,"
            " reason, withdrawn, created_at, updated_at) SELECT gen_random_uuid(), issuer_id, booking_id, id, provider,"
            " key, 'open', amount, currency, 'x', false, :now, :now FROM payment"
        ),
        (
            "INSERT INTO settlement SELECT gen_random_uuid(), id, currency,"
            " CAST(:now AS timestamptz) - interval '1 day', :now, 1, '', :now FROM issuer"
        ),
        "UPDATE gate SET entrance = 'north'",
        (
            "INSERT INTO gate_log (gate_id, generation, seq, issuer_id, scan_id, entry, digest, received_at)"
            " SELECT id, generation, 1, issuer_id, 'one', '{}', '', CAST(:now AS timestamptz) FROM gate"
        ),
        (
            "INSERT INTO incident (id, issuer_id, kind, gate_id, scan_id, details, at)"
            " SELECT gen_random_uuid(), issuer_id, 'log_forked', id, 'one', '{}', CAST(:now AS timestamptz) FROM gate"
        ),
        (
            "INSERT INTO device (id, handset, name, public_key, thumbprint, created_at, seen_at)"
            " VALUES (gen_random_uuid(), '+821012345678', 'x', decode(repeat('02', 33), 'hex'), 't', :now, :now)"
        ),
        (
            "INSERT INTO sign_in (id, handset, purpose, language, kid, asked_from, subject, tries, until, created_at)"
            " VALUES (gen_random_uuid(), '+821012345678', 'enrol', 'ko', 0, '', '', 0, :now, :now)"
        ),
        (
            "INSERT INTO offer (id, issuer_id, ticket_id, giver, receiver, asked, currency, uses, state, until,"
            " link_hash, created_at) SELECT gen_random_uuid(), issuer_id, id, '+821012345678', '+821087654321', 0,"
            " 'KRW', 1, 'open', :now, '', :now FROM ticket LIMIT 1"
        ),
        (
            "INSERT INTO handover (id, issuer_id, ticket_id, receiver, came_by, why, tell_giver, number, code,"
            " generation, kid, state, created_at)"
            " SELECT gen_random_uuid(), issuer_id, id, '+821087654321', 'given', '', true, '0000000001', 1, 2, 0,"
            " 'asked', CAST(:now AS timestamptz) FROM ticket LIMIT 1"
        ),
        "INSERT INTO payment_event VALUES ('card', 'evt_1', 'payment', 'pi_1', :now)",
        "INSERT INTO handset_profile VALUES ('+821012345678', 'ems', 'staff', :now)",
        "INSERT INTO inbox_part VALUES ('sms', '+1', '1588', 1, 2, 1, 0, 'd', 's', 0, :now)",
    ):
        await stage.sql(statement, **values)
    await stage.sql(
        "INSERT INTO idempotency (scope, key, request_hash, busy_until, created_at) VALUES ('s', 'k', '', :now, :now)",
        **values,
    )
    for prefix in ("a", "b"):
        await stage.sql(
            "INSERT INTO api_key (id, name, prefix, hash, scopes, created_at)"
            " VALUES (gen_random_uuid(), 'x', :prefix, '', ARRAY['read'], :now)",
            prefix=prefix,
            **values,
        )


def constraints() -> dict[str, str]:
    """Every CHECK and unique constraint or index of the models, with its table."""
    found: dict[str, str] = {}
    for table in SQLModel.metadata.tables.values():
        for constraint in table.constraints:
            if isinstance(constraint, sa.CheckConstraint | sa.UniqueConstraint):
                found[str(constraint.name)] = table.name
        found |= {str(index.name): table.name for index in table.indexes if index.unique}
    return found


def test_every_constraint_of_the_models_has_a_breach_here_and_no_other() -> None:
    assert len(tables.__all__) == len(SQLModel.metadata.tables)
    assert set(BREACHES) == set(constraints())


async def test_every_breach_is_refused_by_its_own_constraint(stage: Stage, shop: Shop) -> None:
    await a_full_database(stage, shop)
    wrong: dict[str, Any] = {}
    async with stage.database.engine.connect() as connection:
        for name, breach in BREACHES.items():
            savepoint = await connection.begin_nested() if connection.in_transaction() else await connection.begin()
            try:
                result = await connection.execute(sa.text(_statement(breach)))
                wrong[name] = f"{result.rowcount} rows were written"
            except sa.exc.IntegrityError as fault:
                orig = fault.orig.__cause__ if fault.orig else None
                assert isinstance(orig, asyncpg.PostgresError)
                if orig.constraint_name != name:
                    wrong[name] = f"{orig.constraint_name} refused it"
            except sa.exc.DBAPIError as fault:
                wrong[name] = str(fault.orig)
            await savepoint.rollback()

    assert wrong == {}


DEFINITIONS = """
    SELECT conname AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint
    WHERE connamespace = CAST(CAST(:schema AS text) AS regnamespace)
    UNION ALL
    SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = CAST(:schema AS text)
"""


async def definitions(connection: AsyncConnection, schema: str) -> dict[str, str]:
    """Every constraint and index of a schema as PostgreSQL would write it, without the schema's own name."""
    rows = await connection.execute(sa.text(DEFINITIONS), {"schema": schema})
    found = {row.name: row.definition.replace(f"{schema}.", "") for row in rows}
    return {name: text for name, text in found.items() if "alembic" not in name}


async def test_the_migrated_database_has_the_very_constraints_that_the_models_say(blank: Stage) -> None:
    """Alembic compares tables, columns and indexes; it does not look into a CHECK."""
    async with blank.database.engine.connect() as connection:
        migrated = await definitions(connection, "public")
        await connection.execute(sa.text("CREATE SCHEMA modelled"))
        await connection.execute(sa.text("SET LOCAL search_path TO modelled"))
        await connection.run_sync(SQLModel.metadata.create_all)
        modelled = await definitions(connection, "modelled")
        await connection.rollback()

    assert len(migrated) > 150
    assert migrated == modelled


async def test_a_wrong_word_for_a_state_does_not_even_leave_the_process(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop)

    with pytest.raises(sa.exc.StatementError, match="is not among the defined enum values"):
        async with stage.database.session() as tx:
            await tx.execute(sa.update(tables.Booking).values(state="dreamt"))


async def test_every_foreign_key_leads_to_a_table_and_every_fact_to_its_issuer() -> None:
    without = {
        table.name
        for table in SQLModel.metadata.tables.values()
        if "issuer_id" not in table.columns and table.name != "issuer"
    }

    assert without == {
        "receipt",
        "delivery_part",
        "delivery_try",
        "inbox",
        "inbox_part",
        "conversation",
        "handset_profile",
        "device",
        "sign_in",
        "payment_event",
        "peer",
        "seen_token",
        "chore",
    }, "carriers, handsets, payment networks and other servers know no issuers, and chores are the house's own"
