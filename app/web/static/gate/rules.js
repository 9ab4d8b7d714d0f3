// @ts-check
// The gate's decision, the same as the server's: app/domain/admission.py and tally.py say the rules in Python, and
// docs/reference/vectors/gate.json holds both to one another. Times are milliseconds since 1970-01-01T00:00Z.

/** @typedef {"check"|"enter"|"leave"|"redeem"} Intent */
/** @typedef {"pin"|"compact"|"signed"|"living"} Face */
/** @typedef {object} EntryRules  What a product says about its use.
 *  @property {"any"|"living_or_pin"|"living"} faces
 *  @property {boolean} retires_static
 *  @property {boolean} reentry
 *  @property {number} pass_back_seconds
 *  @property {number | null} window_minutes
 *  @property {boolean} group
 *  @property {"home"|"optimistic"|"deny"} offline
 *  @property {number} offline_floor  Minor units. */
/** @typedef {{at: number, gate: string}} LastUse */
/** @typedef {object} Register  What is known of one ticket.
 *  @property {string} occasion
 *  @property {"valid"|"suspended"|"revoked"} state
 *  @property {number} uses
 *  @property {number} usesLeft
 *  @property {number} validFrom
 *  @property {number} validUntil  Exclusive; where the first use began a window, the window's end.
 *  @property {EntryRules} rules
 *  @property {string} entrance
 *  @property {number} inside
 *  @property {boolean} activated
 *  @property {LastUse | null} last
 *  @property {boolean} bound
 *  @property {number | null} balance
 *  @property {number} spentOffline */
/** @typedef {object} Post  Where the gate stands; no occasion named: all of its issuer's.
 *  @property {string} gate
 *  @property {Set<string>} occasions
 *  @property {"in"|"out"|"both"} direction
 *  @property {string} entrance
 *  @property {string} area
 *  @property {boolean} home
 *  @property {"steward"|"supervisor"} role */
/** @typedef {object} Ask  `shownAt` is when a living code was made, by the holder's clock.
 *  @property {Intent} intent
 *  @property {Face} face
 *  @property {number} count
 *  @property {number} amount
 *  @property {number | null} shownAt
 *  @property {boolean} offline */

export const ALREADY_IN_SECONDS = 10;
export const UNDO_SECONDS = 60;
export const LIVING_SKEW_SECONDS = 30;
export const PIN_TRIES_MAX = 5;
export const PIN_WINDOW_MINUTES = 10;
/** A ticket with so many uses is a pass. */
export const UNLIMITED_USES = 9999;

/** @type {EntryRules} */
export const PLAIN_RULES = {
  faces: "any",
  retires_static: false,
  reentry: false,
  pass_back_seconds: 0,
  window_minutes: null,
  group: false,
  offline: "optimistic",
  offline_floor: 0,
};

const STATIC = new Set(["compact", "signed"]);

/** How many people of it were in and have left. @param {Register} entry */
export const outside = (entry) => entry.uses - entry.usesLeft - entry.inside;

/** Whether people pass this gate that way. @param {Post} post @param {string} intent */
export const lets = (post, intent) =>
  !(intent === "enter" && post.direction === "out") && !(intent === "leave" && post.direction === "in");

/** @param {Register} entry @param {Ask} ask */
const comesBack = (entry, ask) => entry.rules.reentry && ask.count <= outside(entry);

/** Who is in with a ticket that counts no more leaves, and is counted. @param {Register} entry @param {Ask} ask */
const byState = (entry, ask) =>
  entry.state === "valid" || (ask.intent === "leave" && entry.inside >= ask.count) ? null : entry.state;

/** @param {Register} entry @param {Ask} ask @param {number} now */
const byFace = (entry, ask, now) => {
  if (ask.shownAt !== null && Math.abs(now - ask.shownAt) > LIVING_SKEW_SECONDS * 1000) return "stale_code";
  if (STATIC.has(ask.face) && entry.bound && entry.rules.retires_static) return "retired_code";
  const taken = { any: true, living_or_pin: !STATIC.has(ask.face), living: ask.face === "living" };
  return taken[entry.rules.faces] ? null : "wrong_face";
};

/** @param {Register} entry @param {Ask} ask */
const byValue = ({ balance }, ask) => {
  if (balance === null) return "not_a_voucher";
  if (ask.intent === "redeem") return balance >= ask.amount ? null : "balance_too_low";
  return balance ? "voucher" : "used";
};

/** @param {Register} entry @param {LastUse} last @param {Ask} ask @param {Post} post @param {number} now */
const again = (entry, last, ask, post, now) => {
  const ago = now - last.at;
  if (ago < 0) return null;
  const more = entry.rules.group && entry.usesLeft >= ask.count;
  if (last.gate === post.gate && ago <= ALREADY_IN_SECONDS * 1000 && !more) return "already_in";
  return entry.usesLeft && ago < entry.rules.pass_back_seconds * 1000 ? "passed_back" : null;
};

/** @param {Register} entry @param {Ask} ask @param {Post} post @param {number} now */
const byUse = (entry, ask, post, now) => {
  if (ask.intent === "redeem" || entry.balance !== null) return byValue(entry, ask);
  if (comesBack(entry, ask)) return null;
  const soon = entry.last && again(entry, entry.last, ask, post, now);
  if (!soon && entry.usesLeft < ask.count) return entry.usesLeft ? "too_few_uses" : "used";
  return soon;
};

/** @param {Register} entry @param {number} now */
const byTime = (entry, now) => {
  if (now >= entry.validUntil) return "expired";
  return now < entry.validFrom ? "too_early" : null;
};

/** What a gate that cannot ask may not do by itself. @param {Register} entry @param {Ask} ask */
const byPolicy = (entry, ask) => {
  const { offline, offline_floor: floor } = entry.rules;
  if (offline === "deny") return "needs_network";
  return ask.intent === "redeem" && entry.spentOffline + ask.amount > floor ? "needs_network" : null;
};

/** With network too: the home gate may be cut off and not know of us. @param {Register} entry @param {Post} post */
const byHome = (entry, post) =>
  entry.rules.offline === "home" && !(post.home && post.entrance === entry.entrance) ? "other_entrance" : null;

/** @param {Register} entry @param {Ask} ask */
const yes = (entry, ask) => {
  if (ask.intent === "redeem") return "redeemed";
  return comesBack(entry, ask) ? "reentered" : "admitted";
};

/**
 * The verdict on a genuine ticket: the most useful of several true reasons.
 * @param {Register} entry @param {Ask} ask @param {Post} post @param {number} now
 * @returns {string}
 */
export const decide = (entry, ask, post, now) => {
  const serves = post.occasions.size === 0 || post.occasions.has(entry.occasion);
  const sooner = byState(entry, ask) || byFace(entry, ask, now) || (serves ? null : "wrong_occasion");
  if (sooner) return sooner;
  if (ask.intent === "leave") return entry.inside >= ask.count ? "left" : "not_inside";
  return (
    byUse(entry, ask, post, now) ||
    byTime(entry, now) ||
    byHome(entry, post) ||
    (ask.offline ? byPolicy(entry, ask) : null) ||
    yes(entry, ask)
  );
};

/** @param {Register} entry @param {number} count @param {number} uses @param {Post} post @param {number} now */
const letIn = (entry, count, uses, post, now) => {
  const usesLeft = entry.usesLeft - uses;
  const inside = Math.min(entry.inside + count, entry.uses - usesLeft);
  const window = entry.rules.window_minutes;
  const begins = window !== null && !entry.activated;
  const until = begins ? Math.min(entry.validUntil, now + window * 60000) : entry.validUntil;
  const last = { at: now, gate: post.gate };
  return { ...entry, usesLeft, inside, validUntil: until, activated: begins || entry.activated, last };
};

/**
 * The ticket once `reason` has been acted upon; a no changes nothing.
 * @param {Register} entry @param {string} reason @param {{count: number, amount: number}} ask @param {Post} post
 * @param {number} now
 * @returns {Register}
 */
export const after = (entry, reason, ask, post, now) => {
  switch (reason) {
    case "admitted":
      return letIn(entry, ask.count, ask.count, post, now);
    case "reentered":
      return letIn(entry, ask.count, 0, post, now);
    case "overridden":
      return letIn(entry, ask.count, Math.min(ask.count, entry.usesLeft), post, now);
    case "left":
      return { ...entry, inside: entry.inside - ask.count };
    case "redeemed": {
      const balance = /** @type {number} */ (entry.balance) - ask.amount;
      return { ...entry, balance, usesLeft: balance ? entry.usesLeft : 0 };
    }
    default:
      return entry;
  }
};
