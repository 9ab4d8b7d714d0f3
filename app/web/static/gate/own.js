// @ts-check
// What one gate did itself since it last heard from the register, laid over what it heard: a use counts once.
// app/domain/gate_own.py says the same in Python. Times are milliseconds since 1970-01-01T00:00Z.

import { isDone } from "./log.js";
import { PIN_TRIES_MAX, PIN_WINDOW_MINUTES, UNDO_SECONDS, after } from "./rules.js";

/** @typedef {import("./log.js").Entry} Entry */
/** @typedef {import("./rules.js").Register} Register */
/** @typedef {import("./rules.js").Post} Post */
/** @typedef {{code: bigint, reason: string, at: number, count: number, amount: number, entry: Entry | null}} Done
 *   `entry` is null for what the register itself said yes to. */

const LETS_IN = new Set(["admitted", "reentered", "overridden"]);

/** @param {Register} entry @param {Done} deed @param {Post} post */
export const afterDeed = (entry, deed, post) => {
  const ask = { count: deed.count, amount: deed.amount };
  switch (deed.reason) {
    case "admitted":
    case "overridden":
      return after(entry, "overridden", ask, post, deed.at);
    case "reentered":
      return after(entry, "reentered", ask, post, deed.at);
    case "left":
      return after(entry, "left", { ...ask, count: Math.min(deed.count, entry.inside) }, post, deed.at);
    case "redeemed": {
      if (entry.balance === null) return entry;
      const spentOffline = entry.spentOffline + (deed.entry ? deed.amount : 0);
      const amount = Math.min(deed.amount, entry.balance);
      return { ...after(entry, "redeemed", { ...ask, amount }, post, deed.at), spentOffline };
    }
    default:
      return entry;
  }
};

/** The deeds of one gate, by ticket. `counted` is the last of them that the register's word holds already. */
export class Own {
  constructor() {
    this.counted = 0;
    /** @type {Map<string, Entry>} */ this.byScan = new Map();
    /** @type {Map<bigint, Done[]>} */ this.byCode = new Map();
    /** @type {Set<string>} */ this.undone = new Set();
    /** @type {Map<string, number[]>} */ this.tries = new Map();
    /** @type {Done[]} */ this.answers = [];
  }

  /** @param {Entry} entry */
  add(entry) {
    this.byScan.set(entry.scan_id, entry);
    const at = Date.parse(entry.at);
    if (isDone(entry) && entry.code !== null) {
      const { reason, count, amount } = entry;
      this.#put({ code: BigInt(entry.code), reason, at, count, amount, entry });
    }
    if (entry.reason === "undone" && entry.undoes !== null) this.undone.add(entry.undoes);
    if (entry.number === null || entry.intent === "override") return;
    if (entry.reason === "wrong_pin") this.tries.set(entry.number, [...(this.tries.get(entry.number) ?? []), at]);
    else if (!["locked", "needs_network"].includes(entry.reason)) this.tries.delete(entry.number);
  }

  /** @param {Done} deed */
  #put(deed) {
    this.byCode.set(deed.code, [...this.of(deed.code), deed]);
  }

  /** @param {Done} answer */
  answered(answer) {
    this.answers.push(answer);
    this.#put(answer);
  }

  /** @param {number} counted @param {number} answers */
  refreshed(counted, answers) {
    this.counted = Math.max(this.counted, counted);
    for (const old of this.answers.splice(0, answers)) {
      this.byCode.set(old.code, this.of(old.code).filter((deed) => deed !== old));
    }
  }

  /** @param {bigint} code */
  of(code) {
    return this.byCode.get(code) ?? [];
  }

  /** What was done with it and not taken back. @param {bigint} code */
  standing(code) {
    const stands = (/** @type {Done} */ { entry }) =>
      !entry || (entry.intent !== "undo" && !this.undone.has(entry.scan_id));
    return this.of(code).filter(stands);
  }

  /** @param {string} number @param {number} now */
  isLocked(number, now) {
    const lately = (this.tries.get(number) ?? []).filter((at) => now - at < PIN_WINDOW_MINUTES * 60000);
    return lately.length >= PIN_TRIES_MAX;
  }

  /** Whether something was done by this scan and not taken back. @param {string | null} scanId */
  stands(scanId) {
    const deed = scanId === null ? undefined : this.byScan.get(scanId);
    return deed !== undefined && isDone(deed) && deed.intent !== "undo" && !this.undone.has(deed.scan_id);
  }

  /**
   * The ticket as this gate must see it; `without` names a scan that is left out, as if it were taken back.
   * @param {Register} known @param {bigint} code @param {Post} post @param {string | null} without
   */
  over(known, code, post, without = null) {
    const standing = this.standing(code).filter(({ entry }) => !entry || entry.scan_id !== without);
    const pending = standing.filter(({ entry }) => !entry || entry.seq > this.counted);
    const entry = pending.reduce((found, deed) => afterDeed(found, deed, post), known);
    const ins = standing.filter(({ reason }) => LETS_IN.has(reason));
    if (ins.length === 0) return { ...entry, last: known.last };
    const latest = ins[ins.length - 1].at;
    const last = known.last && known.last.at > latest ? known.last : { at: latest, gate: post.gate };
    const window = entry.rules.window_minutes;
    const ends = window === null ? Infinity : Math.min(...ins.map(({ at }) => at)) + window * 60000;
    return { ...entry, last, validUntil: Math.min(entry.validUntil, ends) };
  }

  /** The deed that may still be taken back. @param {string} scanId @param {number} now */
  undoable(scanId, now) {
    const first = this.byScan.get(scanId);
    if (!first || !isDone(first) || first.intent === "undo" || first.code === null) return null;
    const ago = now - Date.parse(first.at);
    const lastDeed = this.standing(BigInt(first.code)).pop();
    return ago >= 0 && ago <= UNDO_SECONDS * 1000 && lastDeed?.entry === first ? first : null;
  }
}
