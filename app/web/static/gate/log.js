// @ts-check
// What a gate decided without asking: the very octets of app/domain/gate_log.py, described in
// docs/reference/gate-log.md. Times are milliseconds since 1970-01-01T00:00Z.

import { dammDigit } from "./credential.js";

/** @typedef {"enter"|"leave"|"redeem"|"override"|"undo"|"check"} Deed */
/** @typedef {object} Entry  As it is sent: `code` in decimal digits, `at` as text.
 *  @property {number} seq
 *  @property {string} scan_id
 *  @property {string} at
 *  @property {Deed} intent
 *  @property {string} reason
 *  @property {number} knew
 *  @property {string | null} face
 *  @property {string | null} code
 *  @property {string | null} number
 *  @property {number} count
 *  @property {number} amount
 *  @property {string | null} undoes
 *  @property {string | null} by
 *  @property {false} online */
/** @typedef {{entry: Entry, digest: Uint8Array}} Linked */

/** @type {Record<Deed, string[]>} */
const YES = {
  enter: ["admitted", "reentered"],
  leave: ["left"],
  redeem: ["redeemed"],
  override: ["overridden"],
  undo: ["undone"],
  check: [],
};
export const COUNT_MAX = 100;
export const AMOUNT_MAX = 1_000_000_000;
const SCAN_ID = /^[\x21-\x7e]{1,64}$/;
const BY_CHARS_MAX = 200;
const UNPRINTABLE = /[\x00-\x1f\x7f-\x9f\u2028\u2029]|\p{Cs}/u;
const CHAIN = "cyberticket gate log 1\0";
const utf8 = new TextEncoder();

/** Whether something was done, so that it counts. @param {Entry} entry */
export const isDone = (entry) => YES[entry.intent].includes(entry.reason);

/** Whether the reason is a yes to anything. @param {string} reason */
export const isYes = (reason) => Object.values(YES).some((reasons) => reasons.includes(reason));

/** @param {unknown} value @param {number} least @param {number} most */
const within = (value, least, most) => Number.isSafeInteger(value) && least <= Number(value) && Number(value) <= most;

/** @param {string | null} by */
const isLine = (by) => by === null || (by !== "" && [...by].length <= BY_CHARS_MAX && !UNPRINTABLE.test(by));

/** @param {Entry} entry */
const fitsTogether = (entry) => {
  const { intent, reason } = entry;
  const named = entry.code !== null || (intent === "override" && entry.number !== null);
  return {
    undoes: (intent === "undo") === (entry.undoes !== null),
    by: (intent === "override") === (entry.by !== null) && isLine(entry.by),
    amount: (intent === "redeem") === entry.amount > 0,
    reason: isDone(entry) || intent === "check" || !isYes(reason),
    code: !isDone(entry) || intent === "undo" || named,
  };
};

/**
 * The entry, if a gate can have written it; throws a RangeError that names what is wrong.
 * @param {Entry} entry
 */
export const checked = (entry) => {
  const holds = {
    seq: within(entry.seq, 1, 2 ** 31 - 1),
    count: within(entry.count, 1, COUNT_MAX),
    amount: within(entry.amount, 0, AMOUNT_MAX),
    knew: within(entry.knew, 0, Number.MAX_SAFE_INTEGER),
    scan_id: SCAN_ID.test(entry.scan_id),
    undoes: entry.undoes === null || SCAN_ID.test(entry.undoes),
    number: entry.number === null || (/^[0-9]{10}$/.test(entry.number) && dammDigit(entry.number) === 0),
  };
  for (const parts of [holds, fitsTogether(entry)]) {
    for (const [name, good] of Object.entries(parts)) {
      if (!good) throw new RangeError(`${name} of an entry in a gate's log is not as it should be`);
    }
  }
  return entry;
};

/** A moment as entries have it. @param {number} moment */
export const momentText = (moment) => new Date(moment).toISOString();

/**
 * The text that is digested: sorted keys, no spaces, UTF-8.
 * @param {Record<string, unknown>} told
 */
export const canonical = (told) =>
  utf8.encode(JSON.stringify(Object.fromEntries(Object.entries(told).sort(([a], [b]) => (a < b ? -1 : 1)))));

/** @param {Uint8Array[]} parts */
const sha256 = async (...parts) => {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
};

/**
 * What stands before a device's first entry.
 * @param {string} gate  Its id.
 * @param {number} generation
 */
export const beginning = (gate, generation) => {
  const identity = Uint8Array.from(gate.replaceAll("-", "").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  const counted = new Uint8Array(4);
  new DataView(counted.buffer).setUint32(0, generation);
  return sha256(utf8.encode(CHAIN), identity, counted);
};

/**
 * The entry chained to the digest before it.
 * @param {Uint8Array} previous @param {Entry} entry
 * @returns {Promise<Linked>}
 */
export const link = async (previous, entry) => ({ entry, digest: await sha256(previous, canonical({ ...entry })) });

/** @param {Uint8Array} octets */
export const hex = (octets) => Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join("");

/** As it is kept and brought. @param {Linked} linked */
export const toldOf = ({ entry, digest }) => ({ ...entry, digest: hex(digest) });
