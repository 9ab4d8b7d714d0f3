// @ts-check
// A gate that decides alone: what app/domain/offline_gate.py and gate_own.py do, in a browser. Each answer has the
// log's next entry: keep it safe, hand it to `note`, then show the answer. Times are milliseconds since 1970.

import { isGenuine, parsePresented, shownAt } from "./credential.js";
import { beginning, checked, link, momentText } from "./log.js";
import { Own, afterDeed } from "./own.js";
import { decide, lets } from "./rules.js";

/** @typedef {import("./log.js").Entry} Entry */
/** @typedef {import("./log.js").Linked} Linked */
/** @typedef {import("./rules.js").Register} Register */
/** @typedef {import("./rules.js").Post} Post */
/** @typedef {import("./credential.js").Presented} Presented */
/** @typedef {import("./credential.js").BarcodeKeys} BarcodeKeys */
/** @typedef {Awaited<ReturnType<import("./sheet.js").SnapshotSheet["find"]>>[number]} Line */
/** @typedef {import("./sheet.js").SnapshotSheet} Sheet */
/** @typedef {{scanId: string, text: string, intent?: import("./log.js").Deed, count?: number, amount?: number,
 *   by?: string | null}} Shown */
/** @typedef {{entry: Entry, linked: Linked | null, line: Line | null, last: import("./rules.js").LastUse | null,
 *   unread: import("./credential.js").Unread | null}} Verdict */
/** @typedef {{read: Presented, reason: string | null, line: Line | null}} Found */

const HOUR = 3_600_000;
export const MAX_STALE_MS = 4 * HOUR;
export const MAX_STALE_VALUE_MS = HOUR / 4;
const REUSED = "This scan id was used for another ticket. Give each scan an id of its own.";

/** The gate is not there for this, or a scan's name was used before. */
export class Refused extends Error {}

// --- the gate ---

/** @param {Presented} read */
const codeOf = (read) => ("code" in read ? read.code : null);

/** One device with its sheet and its log. */
export class OfflineGate {
  /** @param {Sheet} sheet @param {Map<string, BarcodeKeys>} keys  By seller; ours by the empty name. */
  static async open(sheet, keys, /** @type {Linked[]} */ log = [], counted = 0) {
    const gate = new OfflineGate(sheet, keys, await beginning(sheet.post.gate, sheet.generation));
    gate.own.counted = counted;
    for (const linked of log) gate.note(linked);
    return gate;
  }

  /** @param {Sheet} sheet @param {Map<string, BarcodeKeys>} keys @param {Uint8Array} digest */
  constructor(sheet, keys, digest) {
    this.sheet = sheet;
    this.keys = keys;
    this.own = new Own();
    this.seq = 0;
    this.digest = digest;
    this.latest = sheet.madeAt;
  }

  /**
   * What to do, and the entry to keep. Throws Refused for what this gate is not there for and for another thing under
   * a used name, RangeError for counts and amounts beyond the limits.
   * @param {Shown} asked @param {number} now
   * @returns {Promise<Verdict>}
   */
  async present(asked, now) {
    const shown = { intent: /** @type {import("./log.js").Deed} */ ("enter"), count: 1, amount: 0, by: null, ...asked };
    this.#may(shown.intent);
    const before = this.own.byScan.get(shown.scanId);
    const read = parsePresented(shown.text);
    if (before) return this.#again(before, shown, read);
    const found = await this.#find(read, shown.text, now);
    const known = found.line && this.#known(found.line);
    const reason = this.#decide(found, known, shown, now);
    const code = found.line?.code ?? codeOf(read);
    const entry = checked({
      seq: this.seq + 1,
      scan_id: shown.scanId,
      at: momentText(now),
      intent: shown.intent,
      reason,
      knew: this.sheet.cursor,
      face: read.face === "unreadable" ? null : read.face,
      code: code === null ? null : String(code),
      number: read.face === "pin" ? read.number : null,
      count: shown.count,
      amount: shown.amount,
      undoes: null,
      by: shown.by,
      online: false,
    });
    const linked = await link(this.digest, entry);
    if (!known || !found.line) return { entry, linked, line: null, last: null, unread: unreadOf(read) };
    const done = { code: found.line.code, reason, at: now, count: shown.count, amount: shown.amount, entry };
    const looked = shown.intent === "check";
    const line = { ...found.line, entry: looked ? known : afterDeed(known, done, this.sheet.post) };
    return { entry, linked, line, last: known.last, unread: null };
  }

  /**
   * Take back a deed of this gate, within a minute and before anything else was done with the ticket.
   * @param {string} scanId @param {string} undoes @param {number} now
   * @returns {Promise<Verdict>}
   */
  async undo(scanId, undoes, now) {
    const before = this.own.byScan.get(scanId);
    if (before && (before.intent !== "undo" || before.undoes !== undoes)) throw new Refused(REUSED);
    const rest = { last: null, unread: null };
    if (before) return { entry: before, linked: null, line: await this.#afterUndo(before), ...rest };
    const first = this.own.undoable(undoes, now);
    const told = this.own.byScan.get(undoes);
    const entry = checked({
      seq: this.seq + 1,
      scan_id: scanId,
      at: momentText(now),
      intent: "undo",
      reason: first ? "undone" : "not_undone",
      knew: this.sheet.cursor,
      face: told?.face ?? null,
      code: told?.code ?? null,
      number: null,
      count: told?.count ?? 1,
      amount: 0,
      undoes,
      by: null,
      online: false,
    });
    return { entry, linked: await link(this.digest, entry), line: await this.#afterUndo(entry), ...rest };
  }

  /** The ticket as an undo leaves it, where there was something to take back; as online, else none. @param {Entry} entry */
  async #afterUndo(entry) {
    const undone = entry.reason === "undone";
    if (entry.code === null || !(undone || this.own.stands(entry.undoes))) return null;
    const [line] = await this.sheet.find(BigInt(entry.code));
    if (!line) return null;
    const without = undone ? entry.undoes : null;
    return { ...line, entry: this.own.over(line.entry, line.code, this.sheet.post, without) };
  }

  /** An entry is safe now: it counts. @param {Linked} linked */
  note({ entry, digest }) {
    if (entry.seq !== this.seq + 1) throw new RangeError("a log has no gap");
    this.own.add(entry);
    this.seq = entry.seq;
    this.digest = digest;
    this.latest = Math.max(this.latest, Date.parse(entry.at));
  }

  /**
   * The register was asked and said yes.
   * @param {{code: bigint, reason: string, at: number, count?: number, amount?: number}} answer
   */
  answered(answer) {
    this.own.answered({ count: 1, amount: 0, ...answer, entry: null });
  }

  /**
   * Take a newer sheet; an older one is passed over. `counted` and `answers` are what had been brought, and how many
   * answers there were, before the sheet was asked for.
   * @param {Sheet} sheet @param {number} counted @param {number} answers
   */
  refresh(sheet, counted, answers = 0) {
    if (sheet.cursor < this.sheet.cursor) return;
    this.sheet = sheet;
    this.latest = sheet.madeAt;
    this.own.refreshed(counted, answers);
  }

  /** @param {Line} line */
  #known(line) {
    return this.own.over(line.entry, line.code, this.sheet.post);
  }

  /** @param {import("./log.js").Deed} intent */
  #may(intent) {
    const { post } = this.sheet;
    if (intent === "override" && post.role !== "supervisor") {
      throw new Refused("Only a supervisor's gate may let in whom the rules refuse. Call the supervisor.");
    }
    if (intent === "undo") throw new Refused("An undo names a scan, not a ticket.");
    if (!lets(post, intent)) {
      throw new Refused("People do not pass this gate that way. Use a gate of the other direction.");
    }
  }

  /** @param {Presented} read @param {string} text @param {number} now @returns {Promise<Found>} */
  async #find(read, text, now) {
    switch (read.face) {
      case "unreadable":
        return { read, reason: "unreadable", line: null };
      case "pin":
        return this.#typed(read, now);
      case "compact":
        return this.#compact(read, text);
      default:
        return this.#signed(read);
    }
  }

  /** @param {import("./credential.js").NumberAndPin} read @param {number} now @returns {Promise<Found>} */
  async #typed(read, now) {
    if (!this.sheet.readsPins) return { read, reason: "needs_network", line: null };
    if (this.own.isLocked(read.number, now)) return { read, reason: "locked", line: null };
    const line = await this.sheet.findTyped(read.number, read.pin);
    return { read, reason: line ? null : "wrong_pin", line };
  }

  /** @param {import("./credential.js").Compact} read @param {string} text @returns {Promise<Found>} */
  async #compact(read, text) {
    let unsure = false;
    for (const line of await this.sheet.find(read.code)) {
      const held = await line.hasCompact(text.trim());
      if (held) return { read, reason: null, line };
      unsure ||= held === null;
    }
    return { read, reason: unsure ? "needs_network" : "unknown", line: null };
  }

  /** @param {import("./credential.js").Signed | import("./credential.js").Living} read @returns {Promise<Found>} */
  async #signed(read) {
    const signers = new Set();
    for (const [seller, keys] of this.keys) if (await isGenuine(read, keys)) signers.add(seller);
    if (signers.size === 0) return { read, reason: "unknown", line: null };
    const lines = await this.sheet.find(read.code);
    if (lines.length === 0) {
      return { read, reason: this.sheet.serves(read.occasion) ? "needs_network" : "wrong_occasion", line: null };
    }
    for (const line of lines) {
      const ours = signers.has(line.seller) && line.occasionCode === read.occasion;
      if (ours && (read.face === "signed" || (await line.hasHolder(read.holderKey)))) return { read, reason: null, line };
    }
    return { read, reason: "unknown", line: null };
  }

  /** @param {Found} found @param {Register | null} known @param {Required<Shown>} shown @param {number} now */
  #decide({ read, reason, line }, known, shown, now) {
    if (read.face === "unreadable") return "unreadable";
    if (shown.intent === "override") return line && line.entry.balance !== null ? "voucher" : "overridden";
    if (reason || !known) return reason ?? "unknown";
    const ask = {
      intent: /** @type {import("./rules.js").Intent} */ (shown.intent),
      face: read.face,
      count: shown.count,
      amount: shown.amount,
      shownAt: read.face === "living" ? shownAt(read) : null,
      offline: true,
    };
    const decided = decide(known, ask, this.sheet.post, now);
    const takes = ["admitted", "reentered", "redeemed"].includes(decided);
    return takes && this.#isOld(known, now) ? "snapshot_old" : decided;
  }

  /** A clock that went back makes nothing younger. @param {Register} known @param {number} now */
  #isOld(known, now) {
    const latest = Math.max(now, this.latest);
    const limit = known.balance === null ? MAX_STALE_MS : MAX_STALE_VALUE_MS;
    return latest - this.sheet.madeAt > limit || latest >= this.sheet.expiresAt;
  }

  /** @param {Entry} before @param {Required<Shown>} shown @param {Presented} read @returns {Promise<Verdict>} */
  async #again(before, shown, read) {
    const code = codeOf(read) === null ? before.code : String(codeOf(read));
    const number = read.face === "pin" ? read.number : null;
    const asked = [shown.intent, shown.count, shown.amount, shown.by, code, number];
    const was = [before.intent, before.count, before.amount, before.by, before.code, before.number];
    if (asked.some((part, at) => part !== was[at])) throw new Refused(REUSED);
    const [line] = code === null ? [] : await this.sheet.find(BigInt(code));
    if (!line) return { entry: before, linked: null, line: null, last: null, unread: unreadOf(read) };
    const entry = this.#known(line);
    return { entry: before, linked: null, line: { ...line, entry }, last: entry.last, unread: null };
  }
}

/** @param {Presented} read */
const unreadOf = (read) => (read.face === "unreadable" ? read.reason : null);
