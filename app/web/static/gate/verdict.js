// @ts-check
// What a steward sees: app/domain/gate_verdict.py says the same in Python.

import { unreadWords } from "./credential.js";
import { isYes, momentText } from "./log.js";
import { UNLIMITED_USES } from "./rules.js";
import { BALANCE_TOLD, COLOURS, LAST_TOLD, WORDS } from "./words.js";

/** @typedef {import("./gate.js").Verdict} Verdict */

/** @param {Verdict} verdict @returns {{ko: string, en: string}} */
const wordsOf = ({ entry, line, last, unread }) => {
  if (unread) return { ko: unreadWords(unread, "ko"), en: unreadWords(unread, "en") };
  if (entry.reason === "already_in" && last) {
    const ago = Math.floor((Date.parse(entry.at) - last.at) / 1000);
    return { ko: `${ago}초 전에 이미 입장했습니다.`, en: `Already let in ${ago} s ago.` };
  }
  const balance = line?.entry.balance ?? null;
  const said = WORDS[entry.reason];
  if (balance === null || !BALANCE_TOLD.has(entry.reason)) return said;
  const left = balance.toLocaleString("en-US");
  return { ko: `${said.ko} 잔액은 ${left}입니다.`, en: `${said.en} ${left} is left.` };
};

/**
 * The answer with all that a steward needs, with the names of the online one.
 * @param {Verdict} verdict
 */
export const toldVerdict = (verdict) => {
  const { entry, line, last } = verdict;
  const counted = line !== null && line.entry.uses < UNLIMITED_USES;
  const ticket = line && {
    ...line.label,
    entrance: line.entry.entrance,
    uses: counted ? line.entry.uses : null,
    uses_left: counted ? line.entry.usesLeft : null,
    inside: line.entry.inside,
    balance: line.entry.balance,
    valid_from: momentText(line.entry.validFrom),
    valid_until: momentText(line.entry.validUntil),
  };
  return {
    admit: isYes(entry.reason),
    reason: entry.reason,
    colour: COLOURS[entry.reason],
    words: wordsOf(verdict),
    at: entry.at,
    face: entry.face,
    count: entry.count,
    ticket,
    used: last && LAST_TOLD.has(entry.reason) ? { at: momentText(last.at), gate: null } : null,
  };
};
