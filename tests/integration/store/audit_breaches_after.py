"""Breaches to plant in the busy house, at least one for each rule of each invariant: what comes after the sale."""

from __future__ import annotations

from audit_breaches import DISPUTE, Planted, copied, planted


def door(says: str, *statements: str, subject: str = "credential", problem: str) -> Planted:
    return planted(says, "i5_admissions_within_uses", *statements, subject=subject, problem=problem)


AT_THE_DOOR = (
    door(
        "one use twice",
        "ALTER TABLE admission DROP CONSTRAINT uq_admission_ticket_id_use_no",
        copied("admission", "ticket_id = $USED AND use_no = 1", scan_id="'again'"),
        problem=r"^\d admissions for \d uses$",
    ),
    door(
        "more uses than were bought",
        copied("admission", "ticket_id = $USED AND use_no = 1", scan_id="'again'", use_no="9"),
        problem="^use 9 of [13]$",
    ),
    door(
        "a use that is missing",
        "UPDATE admission SET use_no = 3 WHERE ticket_id = $USED AND use_no ="
        " (SELECT max(use_no) FROM admission WHERE ticket_id = $USED)",
        "DELETE FROM admission WHERE ticket_id = $USED AND use_no = 2",
        problem=r"^its last use is the 3th, and \d are written$",
    ),
    door(
        "a use that was given back",
        "UPDATE credential SET uses_left = uses_left + 1, inside = 0 WHERE ticket_id = $USED AND uses_left < uses",
        problem=r"^\d of \d uses left after \d admissions$",
    ),
    door(
        "a voucher that was used and is not",
        "INSERT INTO admission (gate_id, scan_id, ticket_id, use_no, issuer_id, at)"
        " SELECT g.id, 'x', c.ticket_id, 1, c.issuer_id, now() FROM credential c, gate g WHERE c.ticket_id = $VOUCHER",
        problem="^1 of 1 uses left after 1 admissions$",
    ),
    door(
        "people inside whom nobody let in",
        "ALTER TABLE credential DROP CONSTRAINT ck_credential_inside",
        "UPDATE credential SET inside = 4 WHERE ticket_id = $USED",
        problem=r"^4 people of it are inside, and \d were let in$",
    ),
    door(
        "more people who came with a ticket than went in with the one before",
        "UPDATE credential SET came_by = 'reissued', carried = 9 WHERE ticket_id = $GIFT",
        problem=r"^9 people came with it, and \d were let in by the one before$",
    ),
    door(
        "one more than was bought, and nobody said why",
        copied("admission", "ticket_id = $USED AND use_no = 1", person="2", use_no="NULL"),
        subject="admission",
        problem="^is one more than was bought, and neither overridden nor reported$",
    ),
    door(
        "a gift that grew",
        "UPDATE ticket SET uses = 5 WHERE id = $GIFT",
        subject="ticket",
        problem="^5 uses, and the ticket .* it was given from had 1 left$",
    ),
    door(
        "somebody let in by no scan",
        "UPDATE scan SET answer = '{\"admit\": false}' WHERE ticket_id = $USED",
        subject="admission",
        problem="^gate .* has no scan .* that let it in$",
    ),
)


def value(says: str, *statements: str, subject: str, problem: str) -> Planted:
    return planted(says, "i6_value_kept", *statements, subject=subject, problem=problem)


STORED_VALUE = (
    value(
        "an account below zero",
        "ALTER TABLE account DROP CONSTRAINT ck_account_balance",
        "UPDATE account SET balance = -1 WHERE kind = 'prepaid'",
        subject="account",
        problem="^balance -1 KRW$",
    ),
    value(
        "e-money out of nothing",
        "UPDATE account SET balance = balance + 1 WHERE kind = 'prepaid'",
        subject="account",
        problem=r"^balance \d+ KRW, and its transfers sum up to \d+$",
    ),
    value(
        "money set aside that no hand-over is to pay",
        "INSERT INTO account (id, issuer_id, kind, currency, generation, created_at)"
        " SELECT gen_random_uuid(), issuer_id, 'aside', currency, 1, now() FROM account WHERE kind = 'payable'",
        "INSERT INTO transfer (id, issuer_id, key, kind, debit_id, credit_id, amount, booking_id, at)"
        " SELECT gen_random_uuid(), a.issuer_id, 'aside-x', 'set_aside', p.id, a.id, 5, t.booking_id, now()"
        " FROM account a JOIN account p ON p.issuer_id = a.issuer_id AND p.kind = 'payable', ticket t"
        " WHERE a.kind = 'aside' AND t.id = $GIFT",
        subject="account",
        problem="^5 KRW set aside, and hand-overs under way are to pay 0$",
    ),
    value(
        "a voucher below zero",
        "ALTER TABLE credential DROP CONSTRAINT ck_credential_balance",
        "UPDATE credential SET balance = -1 WHERE ticket_id = $VOUCHER",
        subject="credential",
        problem="^voucher balance -1$",
    ),
    value(
        "a voucher that was spent and is full",
        "DELETE FROM spend WHERE ticket_id = $VOUCHER",
        subject="credential",
        problem="^voucher of 50000, 0 spent, 0 turned into e-money, 30000 left$",
    ),
    value(
        "a voucher turned into e-money twice",
        "UPDATE transfer SET ticket_id = NULL WHERE ticket_id IS NOT NULL",
        subject="credential",
        problem="^voucher of 50000, 0 spent, 0 turned into e-money, 0 left$",
    ),
    value(
        "a voucher that grew when it was given",
        "UPDATE ticket SET balance = 60000, gift_of = $VOUCHER WHERE id = $GIFT",
        subject="ticket",
        problem="^voucher of 60000, and the one it was given from, .*, has 30000 left$",
    ),
    value(
        "more given back than was spent",
        "INSERT INTO spend SELECT issuer_id, 'back', ticket_id, -amount - 1, key, at FROM spend WHERE amount > 0",
        subject="spend",
        problem="^20000 spent, and 20001 given back$",
    ),
    value(
        "something given back that was never spent",
        "INSERT INTO spend SELECT issuer_id, 'back', ticket_id, -1, 'never', at FROM spend WHERE amount > 0",
        subject="spend",
        problem="^gives back 1 of never, which was never spent$",
    ),
)


def message(says: str, *statements: str, subject: str = "delivery", problem: str) -> Planted:
    return planted(says, "i7_messages_accounted_for", *statements, subject=subject, problem=problem)


MESSAGES = (
    message(
        "a message that nobody is to send",
        "DELETE FROM outbox WHERE payload ->> 'delivery' = $QUEUED::text",
        problem="^queued since .*, and nobody is to send it$",
    ),
    message(
        "a message that counts as sent",
        "UPDATE outbox SET done_at = now() WHERE payload ->> 'delivery' = $QUEUED::text",
        problem="^queued since .*, and its consequence counts as done$",
    ),
    message(
        "a message whose letter is dead",
        "UPDATE outbox SET dead_at = now(), last_error = 'x' WHERE payload ->> 'delivery' = $QUEUED::text",
        problem="^queued since .*, and its consequence is a dead letter$",
    ),
    message("a failure without a reason", "UPDATE delivery SET state = 'failed'", problem="^failed without a reason$"),
    message(
        "a dead letter without a reason",
        "UPDATE outbox SET dead_at = now(), last_error = '' WHERE topic = 'register' AND done_at IS NULL",
        subject="outbox",
        problem="^a dead letter of topic register without a reason$",
    ),
    message(
        "a message that the carrier has under no name",
        "UPDATE delivery SET message_id = NULL WHERE id = $SENT",
        problem="^the carrier has it, and under which name is not written down$",
    ),
    message(
        "a ticket that no message brings",
        "DELETE FROM delivery WHERE ticket_id = $SEAT",
        subject="ticket",
        problem="^no message ever brought it to its handset, or was to$",
    ),
)


def register(says: str, *statements: str, subject: str = "ticket", problem: str) -> Planted:
    return planted(says, "i8_register_is_ours", *statements, subject=subject, problem=problem)


REGISTERED = (
    register(
        "a ticket that the register never heard of",
        "DELETE FROM credential WHERE ticket_id = $USED",
        problem="^is not in the register, and nobody is to tell it$",
    ),
    register(
        "a registration that nobody carries out",
        "UPDATE outbox SET due_at = $LONG_AGO WHERE topic = 'register' AND done_at IS NULL",
        problem="^is not in the register, and nobody is to tell it$",
    ),
    register(
        "a registration that was given up",
        "UPDATE outbox SET dead_at = now(), last_error = 'x' WHERE topic = 'register' AND done_at IS NULL",
        problem="^is not in the register, and nobody is to tell it$",
    ),
    register(
        "a revoked ticket that gates take",
        "UPDATE ticket SET state = 'revoked' WHERE id = $USED",
        problem="^is revoked, and valid in the register, and nobody is to tell it$",
    ),
    register(
        "a ticket that gates refuse",
        "UPDATE credential SET state = 'suspended' WHERE ticket_id = $USED",
        problem="^is valid, and suspended in the register, and nobody is to tell it$",
    ),
    register(
        "another number in the register",
        "UPDATE credential SET number = '0000000000' WHERE ticket_id = $USED",
        problem="; in the register 0000000000, ",
    ),
    register(
        "an entry that nobody sold",
        "DELETE FROM ticket WHERE id = $USED",
        subject="credential",
        problem="^is in the register, and nobody sold it$",
    ),
)

ANSWERED = (
    planted(
        "an admission that was answered and lost",
        "i9_acknowledged_survives",
        "DELETE FROM admission WHERE ticket_id = $USED",
        subject="scan",
        problem="^let ticket .* in at .*, and no admission is written$",
    ),
    planted(
        "value that was taken from a voucher and is not on its books",
        "i9_acknowledged_survives",
        copied(
            "scan",
            "ticket_id = $USED AND reason = 'admitted'",
            scan_id="'paid-' || t.scan_id",
            kind="'redemption'",
            reason="'redeemed'",
        ),
        subject="scan",
        problem="^took value from voucher .* at .*, and no spending is written$",
    ),
    planted(
        "a webhook that was taken and forgotten",
        "i9_acknowledged_survives",
        "DELETE FROM outbox WHERE topic = 'news' AND payload ->> 'reference' = 'dp_lost'",
        subject="payment_event",
        problem="^card told it at .*, and nobody is to look after it$",
    ),
    planted(
        "a message that was taken and forgotten",
        "i9_acknowledged_survives",
        "DELETE FROM outbox WHERE topic = 'converse'",
        subject="inbox",
        problem="^taken from the carrier at .*, and nobody is to answer it$",
    ),
)


def back(says: str, *statements: str, subject: str, problem: str) -> Planted:
    return planted(says, "i10_no_way_back", *statements, subject=subject, problem=problem)


BACKWARDS = (
    back(
        "a paid booking that is held again",
        "UPDATE booking SET state = 'held' WHERE id = $SOLD",
        subject="booking",
        problem="^was settled at .*, and is held$",
    ),
    back(
        "a paid booking that never was",
        "UPDATE booking SET settled_at = NULL WHERE id = $SOLD",
        subject="booking",
        problem="^is paid, and was never settled$",
    ),
    back(
        "a captured payment that is unclear again",
        "UPDATE payment SET state = 'unknown' WHERE id = $BY_CARD",
        subject="payment",
        problem="^is on the books as sold, and is unknown$",
    ),
    back(
        "an attempt that was over and is open again",
        "DROP INDEX uq_payment_live",
        "UPDATE payment SET state = 'submitted' WHERE state = 'declined'",
        subject="payment",
        problem="^attempt 1 is submitted, and attempt 2 came after it$",
    ),
    back(
        "a refunded payment with money left",
        "UPDATE payment SET refunded = 1 WHERE state = 'refunded'",
        subject="payment",
        problem=r"^is refunded, and only 1 of its \d+ KRW went back$",
    ),
    back(
        "a refunded booking whose payment is not",
        "UPDATE payment SET state = 'captured' WHERE state = 'refunded'",
        subject="booking",
        problem="^is refunded, and its payment .* is captured$",
    ),
    back(
        "a revoked ticket that lives again",
        "UPDATE ticket SET state = 'valid' WHERE state = 'revoked' AND gift_of IS NULL AND id NOT IN"
        " (SELECT gift_of FROM ticket WHERE gift_of IS NOT NULL) AND place_id IS NULL",
        subject="ticket",
        problem="^was revoked at .*, and is valid$",
    ),
    back(
        "a ticket that was revoked at no time",
        "UPDATE ticket SET state = 'revoked' WHERE id = $SEAT",
        subject="ticket",
        problem="^is revoked, and nobody knows when$",
    ),
    back(
        "a ticket that was given and kept",
        "DROP INDEX uq_ticket_place",
        "DROP INDEX uq_ticket_item",
        "UPDATE ticket SET state = 'suspended' WHERE id = (SELECT gift_of FROM ticket WHERE id = $GIFT)",
        subject="ticket",
        problem="^was given on as ticket .*, and is suspended$",
    ),
    back(
        "a hand-over that is done and made no ticket",
        "INSERT INTO handover (id, issuer_id, ticket_id, receiver, came_by, why, tell_giver, number, code, generation,"
        " kid, state, created_at, ended_at) SELECT gen_random_uuid(), issuer_id, id, handset, 'given', '', true,"
        " number, code, 2, kid, 'done', now(), now() FROM ticket WHERE id = $GIFT",
        subject="handover",
        problem="^is done, and its ticket is not there$",
    ),
    back(
        "a message that arrived and is on its way",
        "UPDATE delivery SET arrived_at = now() WHERE id = $SENT",
        subject="delivery",
        problem="^arrived at .*, and is sent$",
    ),
    back(
        "a message that arrived at no time",
        "UPDATE delivery SET state = 'delivered' WHERE id = $SENT",
        subject="delivery",
        problem="^has arrived, and nobody knows when$",
    ),
    back(
        "a receipt that was not heeded",
        "UPDATE delivery_part SET told = 'DELIVERED' WHERE delivery_id = $SENT",
        subject="delivery",
        problem="^the carrier has said that every part of try 1 arrived, and it is sent$",
    ),
    back(
        "a debt that counts as merely asked for",
        "UPDATE refund SET state = 'asked' WHERE id = $BACK",
        subject="refund",
        problem="^is on the books as owed, and is asked$",
    ),
    back(
        "a dispute that was won and is open",
        DISPUTE,
        copied("transfer", "key = 'sale-' || $BY_CARD", id="$NEW", key="'won-' || $NOBODY", kind="'dispute_won'"),
        subject="dispute",
        problem="^is on the books as dispute_won, and is open$",
    ),
)

LATE_ADMISSION = (
    planted(
        "somebody let in with a ticket that was revoked yesterday",
        "i11_revoked_stays_out",
        "UPDATE ticket SET state = 'revoked', revoked_at = $LONG_AGO WHERE id = $USED",
        subject="admission",
        problem="^at .*, and the ticket was revoked at ",
    ),
)


def chain(says: str, *statements: str, subject: str = "journal", problem: str) -> Planted:
    return planted(says, "i12_journal_unbroken", *statements, subject=subject, problem=problem)


JOURNAL = (
    chain(
        "an entry that was changed",
        'UPDATE journal SET details = \'{"note": "나"}\' WHERE seq = 2',
        problem="^was changed after it was written$",
    ),
    chain(
        "an entry by somebody else",
        "UPDATE journal SET actor = 'lee' WHERE seq = 1",
        problem="^was changed after it was written$",
    ),
    chain("an entry that is gone", "DELETE FROM journal WHERE seq = 2", problem="^1 entries before it are missing$"),
    chain("a beginning that is gone", "DELETE FROM journal WHERE seq = 1", problem="^1 entries before it are missing$"),
    chain(
        "an entry that was written anew",
        "UPDATE journal SET hash = sha256('x') WHERE seq = 2",
        problem="^does not follow from the entry before it$",
    ),
    chain(
        "a journal that can be written over",
        "ALTER TABLE journal DISABLE TRIGGER journal_append_only",
        subject="trigger",
        problem="^is not there or not switched on",
    ),
)

AFTER_THE_SALE = (
    *AT_THE_DOOR, *STORED_VALUE, *MESSAGES, *REGISTERED, *ANSWERED, *BACKWARDS, *LATE_ADMISSION, *JOURNAL,
)  # fmt: skip
