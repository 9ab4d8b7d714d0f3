// @ts-check
// What a holder shows and how a gate reads it, without a network: number and PIN, CT0, CT1, CTL.
//
// The format is described in docs/reference/credentials.md; its test vectors run here as they do on the server. Public
// keys come in, verdicts go out: this file keeps nothing and knows no secret.

/** @typedef {"empty"|"too_long"|"check_digit"|"digit_count"|"pin_missing"|"link"|"cut_short"|"run_on"|"damaged"|"newer"
 *   |"foreign"} Unread  Why nothing can be looked up for what was presented. */
/** @typedef {object} Body  What a signed and a living code begin with.
 *  @property {number} kid  The issuer's barcode key.
 *  @property {bigint} code  64 bits that name the ticket.
 *  @property {number} occasion
 *  @property {number} category  The class code.
 *  @property {number} notBefore  Minutes since 1970-01-01T00:00Z.
 *  @property {number} minutes  How long it is good; 0: the register knows.
 *  @property {number} flags */
/** @typedef {{face: "pin", number: string, pin: string}} NumberAndPin */
/** @typedef {{face: "compact", code: bigint, tag: Uint8Array}} Compact */
/** @typedef {Body & {face: "signed", message: Uint8Array, signature: Uint8Array}} Signed
 *  `message` is what the issuer signed. */
/** @typedef {Body & {face: "living", holderKey: Uint8Array, step: number, message: Uint8Array, signature: Uint8Array,
 *   holderMessage: Uint8Array, holderSignature: Uint8Array}} Living  `holderMessage` is what the handset signed. */
/** @typedef {{face: "unreadable", reason: Unread}} Unreadable */
/** @typedef {NumberAndPin | Compact | Signed | Living | Unreadable} Presented */
/** @typedef {Map<number, CryptoKey>} BarcodeKeys  Public keys of one issuer by `barcode_kid`. */

export const STEP_SECONDS = 15;
export const PRESENTED_CHARS_MAX = 512;
export const TYPED_CHARS_MAX = 64;
export const KEYS_MAX = 512;

const COMPACT_CHARS = 25;
const SIGNED_CHARS = 133;
const LIVING_CHARS = 284;
const BODY_BYTES = 23;
const HOLDER_KEY_BYTES = 33;
const SIGNATURE_BYTES = 64;
const NAMED_BYTES = BODY_BYTES + HOLDER_KEY_BYTES;
const TIMED_BYTES = NAMED_BYTES + SIGNATURE_BYTES + 4;
const CTL = new TextEncoder().encode("CTL");
const FLAGS_MAX = 0x0f;
const NOT_BEFORE_MAX = 0x7fffffff;

/** @type {Record<Unread, {en: string, ko: string}>} */
const WORDS = {
  empty: {
    en: "Nothing was read. Scan the code again, or type the ticket number and the PIN.",
    ko: "읽은 내용이 없습니다. 코드를 다시 스캔하거나 티켓 번호와 PIN을 입력해 주십시오.",
  },
  too_long: {
    en: "This is too long to be a ticket. Scan only the ticket's code.",
    ko: "티켓으로 보기에는 너무 깁니다. 티켓의 코드만 스캔해 주십시오.",
  },
  check_digit: {
    en: "The ticket number has a typing mistake. Compare it with the holder's message and type it again.",
    ko: "티켓 번호를 잘못 입력했습니다. 소지자의 문자와 비교하여 다시 입력해 주십시오.",
  },
  digit_count: {
    en: "A ticket number has 10 digits and a PIN has 6. Count them and type them again.",
    ko: "티켓 번호는 10자리, PIN은 6자리입니다. 자릿수를 확인하고 다시 입력해 주십시오.",
  },
  pin_missing: {
    en: "The PIN is missing. Type the six digits that stand behind the ticket number.",
    ko: "PIN이 없습니다. 티켓 번호 뒤의 여섯 자리를 입력해 주십시오.",
  },
  link: {
    en: "This is the address of a ticket page. Ask the holder to open it, then scan the code it shows.",
    ko: "티켓 페이지의 주소입니다. 소지자에게 페이지를 열어 달라고 한 뒤 표시된 코드를 스캔해 주십시오.",
  },
  cut_short: {
    en: "The code was read only in part. Scan it again, or type the ticket number and the PIN.",
    ko: "코드를 온전히 읽지 못했습니다. 다시 스캔하거나 티켓 번호와 PIN을 입력해 주십시오.",
  },
  run_on: {
    en: "More than one code was read at once. Scan one ticket's code by itself.",
    ko: "여러 코드를 한꺼번에 읽었습니다. 티켓의 코드 하나만 다시 스캔해 주십시오.",
  },
  damaged: {
    en: "The code was read wrongly. Wipe the screen and scan it again, or type the ticket number and the PIN.",
    ko: "코드를 잘못 읽었습니다. 화면을 닦고 다시 스캔하거나 티켓 번호와 PIN을 입력해 주십시오.",
  },
  newer: {
    en: "This code is newer than this gate. Update the gate, or type the ticket number and the PIN.",
    ko: "이 게이트보다 새로운 형식의 코드입니다. 게이트를 업데이트하거나 티켓 번호와 PIN을 입력해 주십시오.",
  },
  foreign: {
    en: "This is not one of our tickets. Ask the holder for the ticket's message or code.",
    ko: "저희 티켓이 아닙니다. 소지자에게 티켓 문자나 코드를 요청해 주십시오.",
  },
};

/**
 * What to do next, in Korean (`ko`) or English.
 * @param {Unread} reason
 * @param {string} language
 */
export const unreadWords = (reason, language) => WORDS[reason][language === "ko" ? "ko" : "en"];

// --- base45 (RFC 9285) and the Damm check digit ---

const BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/** @param {Uint8Array} octets */
export const base45Encode = (octets) => {
  let text = "";
  for (let at = 0; at < octets.length; at += 2) {
    const paired = at + 1 < octets.length;
    let value = paired ? octets[at] * 256 + octets[at + 1] : octets[at];
    for (let place = paired ? 3 : 2; place > 0; place -= 1) {
      text += BASE45[value % 45];
      value = Math.floor(value / 45);
    }
  }
  return text;
};

/**
 * The octets of `text`, or null for a foreign character, a length or a group that no octets give.
 * @param {string} text
 */
export const base45Decode = (text) => {
  const octets = new Uint8Array(Math.floor((text.length * 2) / 3));
  let written = 0;
  for (let at = 0; at < text.length; at += 3) {
    const group = [...text.slice(at, at + 3)].map((character) => BASE45.indexOf(character));
    if (group.length === 1 || group.includes(-1)) return null;
    const value = group.reduceRight((sum, digit) => sum * 45 + digit, 0);
    if (value > (group.length === 3 ? 0xffff : 0xff)) return null;
    if (group.length === 3) octets[written++] = value >> 8;
    octets[written++] = value & 0xff;
  }
  return octets;
};

// H. M. Damm's quasigroup of order 10, one row per interim digit.
const DAMM = [
  "0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
  "3674209581", "5869720134", "8945362017", "9438617205", "2581436790",
];

/**
 * The Damm check digit of a run of ASCII digits; 0 where its last digit is the check digit of the others.
 * @param {string} digits
 */
export const dammDigit = (digits) =>
  [...digits].reduce((interim, digit) => Number(DAMM[interim][Number(digit)]), 0);

// --- reading ---

/** @param {Unread} reason @returns {Unreadable} */
const unreadable = (reason) => ({ face: "unreadable", reason });

const AROUND = " \t\r\n\u00a0\u3000\ufeff";
const BETWEEN = new Set(
  " \t\r\n,.:;/|#_·\u00a0\u3000-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u30fc\u200b\u200e\u200f\u2060\ufeff",
);
const FULL_WIDTH = 0xfee0;
const TYPED = /^(?:ID|번호)?([0-9]{10})(?:(?:PIN|비밀번호)?([0-9]{6}))?$/;
const MISCOUNTED = /^(?:ID|번호)?[0-9]+(?:(?:PIN|비밀번호)[0-9]*)?$/;
const LINK = /^https?:\/\/[!-~]*[/#=][A-Za-z0-9_-]{21}[AQgw]\/?$/i;

/** @param {string} text  In characters as the format counts them, Unicode code points. */
const lengthOf = (text) => [...text].length;

/** @param {string} text  Without the white space that a scanner puts around it. */
const stripped = (text) => {
  let from = 0;
  let to = text.length;
  while (from < to && AROUND.includes(text[from])) from += 1;
  while (to > from && AROUND.includes(text[to - 1])) to -= 1;
  return text.slice(from, to);
};

/** @param {string} character  Full-width forms are their narrow ones; what only separates is nothing. */
const tidied = (character) => {
  const point = /** @type {number} */ (character.codePointAt(0));
  const narrow = point > FULL_WIDTH + 0x20 && point < FULL_WIDTH + 0x7f;
  const plain = narrow ? String.fromCodePoint(point - FULL_WIDTH) : character;
  return BETWEEN.has(plain) ? "" : plain;
};

/** @param {string} text @returns {NumberAndPin | Unreadable} */
const readTyped = (text) => {
  if (lengthOf(text) > TYPED_CHARS_MAX) return unreadable("foreign");
  const tidy = [...text].map(tidied).join("").toUpperCase();
  if (!tidy) return unreadable("empty");
  const match = TYPED.exec(tidy);
  if (!match) return unreadable(MISCOUNTED.test(tidy) ? "digit_count" : "foreign");
  const [, number, pin] = match;
  if (dammDigit(number) !== 0) return unreadable("check_digit");
  return pin === undefined ? unreadable("pin_missing") : { face: "pin", number, pin };
};

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** @param {string} text  25 characters that begin with `C`. @returns {Compact | Unreadable} */
const readCompact = (text) => {
  let value = 0n;
  for (const character of text.slice(1)) {
    const digit = CROCKFORD.indexOf(character);
    if (digit < 0) return unreadable("damaged");
    value = value * 32n + BigInt(digit);
  }
  const tag = Uint8Array.from({ length: 7 }, (_, at) => Number((value >> BigInt(8 * (6 - at))) & 0xffn));
  return { face: "compact", code: value >> 56n, tag };
};

/**
 * What stands in base45 behind a tag of two characters, and the fields of its body.
 * @param {string} text @param {number} chars @param {number} version
 * @returns {{octets: Uint8Array, body: Body} | Unreadable}
 */
const readCoded = (text, chars, version) => {
  const length = lengthOf(text);
  if (length !== chars) return unreadable(length < chars ? "cut_short" : "run_on");
  const octets = base45Decode(text.slice(2));
  if (!octets) return unreadable("damaged");
  const view = new DataView(octets.buffer);
  const body = {
    kid: view.getUint8(1),
    code: view.getBigUint64(2),
    occasion: view.getUint32(10),
    category: view.getUint16(14),
    notBefore: view.getUint32(16),
    minutes: view.getUint16(20),
    flags: view.getUint8(22),
  };
  if (view.getUint8(0) !== version || body.flags > FLAGS_MAX) return unreadable("newer");
  return body.notBefore > NOT_BEFORE_MAX ? unreadable("damaged") : { octets, body };
};

/** @param {string} text @returns {Signed | Unreadable} */
const readSigned = (text) => {
  const read = readCoded(text, SIGNED_CHARS, 1);
  if ("reason" in read) return read;
  const { octets, body } = read;
  return { face: "signed", ...body, message: octets.subarray(0, BODY_BYTES), signature: octets.subarray(BODY_BYTES) };
};

/** @param {string} text @returns {Living | Unreadable} */
const readLiving = (text) => {
  const read = readCoded(text, LIVING_CHARS, 2);
  if ("reason" in read) return read;
  const { octets, body } = read;
  if (octets[BODY_BYTES] !== 2 && octets[BODY_BYTES] !== 3) return unreadable("damaged");
  const holderMessage = new Uint8Array(CTL.length + TIMED_BYTES);
  holderMessage.set(CTL);
  holderMessage.set(octets.subarray(0, TIMED_BYTES), CTL.length);
  return {
    face: "living",
    ...body,
    holderKey: octets.subarray(BODY_BYTES, NAMED_BYTES),
    step: new DataView(octets.buffer).getUint32(TIMED_BYTES - 4),
    message: octets.subarray(0, NAMED_BYTES),
    signature: octets.subarray(NAMED_BYTES, TIMED_BYTES - 4),
    holderMessage,
    holderSignature: octets.subarray(TIMED_BYTES),
  };
};

/**
 * Whatever a gate was given, scanned or typed; never throws, never looks anything up.
 * @param {string} text
 * @returns {Presented}
 */
export const parsePresented = (text) => {
  if (text.length > 2 * PRESENTED_CHARS_MAX || lengthOf(text) > PRESENTED_CHARS_MAX) return unreadable("too_long");
  const inner = stripped(text);
  if (inner.startsWith("S:")) return readSigned(inner);
  if (inner.startsWith("L:")) return readLiving(inner);
  if (inner.startsWith("C") && lengthOf(inner) === COMPACT_CHARS) return readCompact(inner);
  return LINK.test(inner) ? unreadable("link") : readTyped(inner);
};

// --- whether it is genuine ---

const P256 = { name: "ECDSA", namedCurve: "P-256" };
const ES256 = { name: "ECDSA", hash: "SHA-256" };

/**
 * The barcode keys of a key set (`/.well-known/jwks.json`); keys that sign no barcodes are passed over.
 * @param {{keys: (JsonWebKey & {barcode_kid?: number})[]}} set
 * @returns {Promise<BarcodeKeys>}
 */
export const barcodeKeys = async (set) => {
  if (!Array.isArray(set?.keys) || set.keys.length > KEYS_MAX) throw new TypeError(`a key set has at most ${KEYS_MAX}`);
  const keys = new Map();
  for (const { barcode_kid: kid, kty, crv, x, y } of set.keys) {
    if (!Number.isInteger(kid)) continue;
    if (keys.has(kid)) throw new TypeError(`barcode key ${kid} is listed twice`);
    keys.set(kid, await crypto.subtle.importKey("jwk", { kty, crv, x, y }, P256, false, ["verify"]));
  }
  return keys;
};

const FIELD = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

/** @param {bigint} base @param {bigint} exponent  Modulo the field's prime. */
const power = (base, exponent) => {
  let result = 1n;
  for (let left = exponent, square = base; left > 0n; left >>= 1n, square = (square * square) % FIELD) {
    if (left & 1n) result = (result * square) % FIELD;
  }
  return result;
};

/** @param {Uint8Array} octets */
const integer = (octets) => octets.reduce((sum, octet) => (sum << 8n) + BigInt(octet), 0n);

/**
 * A compressed point of P-256 with its y (SEC 1 section 2.3.4), since not every browser imports compressed ones; null
 * where no point has this x.
 * @param {Uint8Array} point  33 octets.
 */
export const uncompressed = (point) => {
  const x = integer(point.subarray(1));
  if (x >= FIELD) return null;
  const squared = (x ** 3n + (FIELD - 3n) * x + B) % FIELD;
  const root = power(squared, (FIELD + 1n) / 4n);
  if ((root * root) % FIELD !== squared) return null;
  const y = Number(root & 1n) === point[0] - 2 ? root : FIELD - root;
  const full = new Uint8Array(65);
  full[0] = 4;
  full.set(point.subarray(1), 1);
  for (let at = 0; at < 32; at += 1) full[64 - at] = Number((y >> BigInt(8 * at)) & 0xffn);
  return full;
};

/**
 * @param {BarcodeKeys} keys @param {Signed | Living} read
 * @returns {Promise<boolean>}
 */
const issuerSigned = async (keys, read) => {
  const key = keys.get(read.kid);
  return key !== undefined && crypto.subtle.verify(ES256, key, read.signature, read.message);
};

/**
 * Whether the issuer signed it and, for a living code, whether who has the key signed its step. Says nothing of time.
 * ES256 is malleable: repeats are found by `code`, never by text or signature.
 * @param {Signed | Living} read @param {BarcodeKeys} keys
 */
export const isGenuine = async (read, keys) => {
  if (!(await issuerSigned(keys, read))) return false;
  if (read.face === "signed") return true;
  const point = uncompressed(read.holderKey);
  if (!point) return false;
  const key = await crypto.subtle.importKey("raw", point, P256, false, ["verify"]);
  return crypto.subtle.verify(ES256, key, read.holderSignature, read.holderMessage);
};

/**
 * The middle of a living code's step, in milliseconds since 1970-01-01T00:00Z.
 * @param {{step: number}} read
 */
export const shownAt = ({ step }) => (step + 0.5) * STEP_SECONDS * 1000;
