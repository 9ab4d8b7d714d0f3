// @ts-check
// A gate's sheet as it comes over the wire: a snapshot's rows that open with their codes, and the status of each.
// app/domain/snapshot_sheet.py says the same in Python. Times are milliseconds since 1970-01-01T00:00Z.

import { PLAIN_RULES } from "./rules.js";
import { FLAGS, NO_TAG, applied, hex, openByCode, openByPin, tagOf } from "./snapshot.js";

/** @typedef {import("./rules.js").Register} Register */
/** @typedef {import("./rules.js").Post} Post */
/** @typedef {import("./snapshot.js").Snapshot} Snapshot */
/** @typedef {import("./snapshot.js").Board} Board */
/** @typedef {import("./snapshot.js").Status} Status */
/** @typedef {import("./snapshot.js").Opened} Opened */
/** @typedef {import("./snapshot.js").Row} Row */
/** @typedef {import("./snapshot.js").Occasion} Occasion */
/** @typedef {import("./snapshot.js").Product} Product */
/** @typedef {import("./snapshot.js").Words} Words */

const STATES = ["valid", "used_up", "suspended", "revoked"];
/** A status says when a ticket was used last, and not where. */
const ELSEWHERE = "00000000-0000-0000-0000-000000000000";
const utf8 = new TextEncoder();

/** A snapshot with its latest status. Without any it is as old as can be: no yes comes from it. */
export class SnapshotSheet {
  /** @param {Snapshot} snapshot @param {Board | null} board @param {Uint8Array | null} pinKey  Never stored. */
  constructor(snapshot, board = null, pinKey = null) {
    this.snapshot = snapshot;
    this.board = board;
    this.pinKey = pinKey;
    const { gate, post, generation, expires_at: expires } = snapshot.header;
    this.generation = generation;
    /** @type {Post} */
    this.post = { gate, ...post, occasions: new Set(post.occasions) };
    this.cursor = board?.cursor ?? 0;
    this.madeAt = board?.madeAt ?? 0;
    this.expiresAt = expires * 1000;
    this.readsPins = pinKey !== null;
  }

  /** After this status; throws SnapshotUnreadable. @param {Status} status */
  async withStatus(status) {
    const { snapshot, board } = await applied(this.snapshot, this.board, status);
    return new SnapshotSheet(snapshot, board, this.pinKey);
  }

  /** @param {bigint} code */
  async find(code) {
    return (await openByCode(this.snapshot, code)).map((one) => this.#line(one));
  }

  /** @param {string} number @param {string} pin */
  async findTyped(number, pin) {
    const [first] = await openByPin(this.snapshot, /** @type {Uint8Array} */ (this.pinKey), number, pin);
    return first ? this.#line(first) : null;
  }

  /** Whether tickets of this occasion are on the sheet. @param {number} code */
  serves(code) {
    return this.post.occasions.size === 0 || this.snapshot.header.occasions.some((one) => one.code === code);
  }

  /** @param {number} number @returns {Words} */
  #words(number) {
    return (number > 0 && this.snapshot.header.texts[number - 1]) || "";
  }

  /** @param {Opened} one */
  #line({ index, code, row }) {
    const { header } = this.snapshot;
    const occasion = header.occasions[row.occasion];
    const product = header.products[occasion.product];
    const seller = String(this.#words(row.seller));
    return {
      code,
      entry: this.#register(index, row, occasion, product),
      occasionCode: occasion.code,
      seller,
      label: this.#label(row, occasion, product),
      /** Whether a text is its compact code; null where the sheet cannot tell. @param {string} text */
      hasCompact: async (text) => {
        const known = hex(row.compactTag);
        if (seller) return null;
        return known !== NO_TAG && (await tagOf(utf8.encode(text), 6)) === known;
      },
      /** Whether it may live on the handset with this key. @param {Uint8Array} key */
      hasHolder: async (key) => !row.holderTag || (await tagOf(key, 4)) === hex(row.holderTag),
    };
  }

  /** @param {number} index */
  #standing(index) {
    if (!this.board) return { state: "valid", bound: false, inside: 0, counted: null };
    const octet = this.board.flags[index];
    const counted = this.board.counted.get(index) ?? null;
    const inside = counted ? counted.inside : Number((octet & FLAGS.inside) !== 0);
    return { state: STATES[octet & 3], bound: (octet & FLAGS.bound) !== 0, inside, counted };
  }

  /**
   * @param {number} index @param {Row} row @param {Occasion} occasion @param {Product} product
   * @returns {Register}
   */
  #register(index, row, occasion, product) {
    const { state, bound, inside, counted } = this.#standing(index);
    /** @param {number} seconds */
    const moment = (seconds) => (seconds ? (this.snapshot.header.since + seconds) * 1000 : null);
    const [begun, last] = [moment(counted?.until ?? 0), moment(counted?.last ?? 0)];
    const [from, until] = row.span.map((seconds) => seconds * 1000);
    const balance = product.kind === "voucher" ? (counted?.left ?? 0) : null;
    const uses = state === "used_up" ? 0 : row.uses;
    const left = counted ? Math.min(counted.left, row.uses) : uses;
    return {
      occasion: occasion.id,
      state: /** @type {Register["state"]} */ (state === "used_up" ? "valid" : state),
      uses: row.uses,
      usesLeft: balance === null ? left : Math.min(balance, 1),
      validFrom: from,
      validUntil: Math.min(until, begun ?? until),
      rules: { ...PLAIN_RULES, ...product.entry_rules },
      entrance: String(this.#words(row.entrance)),
      inside,
      activated: begun !== null,
      last: last === null ? null : { at: last, gate: ELSEWHERE },
      bound: bound || row.holderTag !== null,
      balance,
      spentOffline: 0,
    };
  }

  /**
   * What a steward reads, by the names of the online answer.
   * @param {Row} row @param {Occasion} occasion @param {Product} product
   */
  #label(row, occasion, product) {
    return {
      kind: product.kind,
      title: product.title,
      category: this.#words(row.category) || null,
      section: this.#words(row.section) || null,
      row: row.row || null,
      seat: row.seat || null,
      origin: this.#words(row.origin) || null,
      destination: this.#words(row.destination) || null,
      starts_at: occasion.starts_at === null ? null : new Date(occasion.starts_at * 1000).toISOString(),
      handset: row.handset,
      holder: row.holder || null,
    };
  }
}
