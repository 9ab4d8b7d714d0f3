// @ts-check
// What a gate takes along to decide without network, as docs/reference/gate-snapshot.md describes it: rows that open
// with the ticket's own code, or its number and PIN, and the status of each. Times are milliseconds since 1970.

/** @typedef {import("./rules.js").Post} Post */
/** @typedef {import("./credential.js").BarcodeKeys} BarcodeKeys */
/** @typedef {string | Record<string, string>} Words */
/** @typedef {{id: string, code: number, product: string, from: number, until: number, starts_at: number | null}} Occasion */
/** @typedef {{kind: string, title: Words, entry_rules: Partial<import("./rules.js").EntryRules>}} Product */
/** @typedef {{texts: Words[], occasions: Occasion[], products: Record<string, Product>}} News */
/** @typedef {News & {issuer: string, gate: string, generation: number, edition: string, since: number, cursor: number,
 *   made_at: number, expires_at: number, gates: Record<string, string>,
 *   post: {role: Post["role"], direction: Post["direction"], entrance: string, area: string, home: boolean,
 *   occasions: string[]}, keys: Record<string, (JsonWebKey & {barcode_kid?: number})[]>}} Header */
/** @typedef {object} Rows  Sealed, in their order; where each tag stands.
 *  @property {Uint8Array} octets
 *  @property {number[]} starts
 *  @property {Map<string, number[]>} byCode
 *  @property {Map<string, number[]>} byPin */
/** @typedef {{header: Header, rows: Rows}} Snapshot */
/** @typedef {{left: number, inside: number, until: number, last: number}} Counted */
/** @typedef {{cursor: number, madeAt: number, flags: Uint8Array, counted: Map<number, Counted>}} Board */
/** @typedef {{edition: string, after: number, cursor: number, madeAt: number, first: number, rows: number, form: number,
 *   body: Uint8Array, news: News, added: Uint8Array}} Status */

const TAG = 6;
const CODE = 8;
const FIXED = 2 * TAG + CODE;
const SIGNATURE = 64;
const ROWS_MAX = 4_000_000;
const BODY_MAX = 256 * 1024 * 1024;
export const FLAGS = { bound: 4, inside: 8, counted: 16, all: 31 };
const HAS = {
  seat: 1, handset: 2, holderKey: 4, holder: 8, entrance: 16, uses: 32, section: 64, span: 128, journey: 256, seller: 512,
};

const utf8 = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** These octets are no snapshot or status that this program can use; the message says what to do. */
export class SnapshotUnreadable extends Error {}

/** @param {boolean} holds @param {string} words @returns {asserts holds} */
const must = (holds, words) => {
  if (!holds) throw new SnapshotUnreadable(words);
};

/** Takes octets from the front. */
class Reader {
  /** @param {Uint8Array} octets */
  constructor(octets) {
    this.octets = octets;
    this.at = 0;
  }

  /** @param {number} count */
  take(count) {
    must(this.at + count <= this.octets.length, "Cut short. Fetch it again.");
    this.at += count;
    return this.octets.subarray(this.at - count, this.at);
  }

  /** @param {number} octets */
  number(octets) {
    return this.take(octets).reduce((sum, octet) => sum * 256 + octet, 0);
  }

  varint() {
    let found = 0;
    for (let place = 1; place < 2 ** 57; place *= 128) {
      const octet = this.take(1)[0];
      found += (octet & 0x7f) * place;
      must(octet !== 0 || place === 1, "A number is longer than it need be. Fetch it again.");
      if (octet < 0x80) {
        must(Number.isSafeInteger(found), "A number is too large. Fetch it again.");
        return found;
      }
    }
    throw new SnapshotUnreadable("A number is too long. Fetch it again.");
  }

  text() {
    return strict.decode(this.take(this.varint()));
  }

  end() {
    must(this.at === this.octets.length, "Octets are left over. Fetch it again.");
  }
}

/** @param {Uint8Array[]} parts */
const joined = (...parts) => {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
  return whole;
};

/** @param {Uint8Array} octets */
export const hex = (octets) => Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join("");
/** @param {string} text */
const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
export const NO_TAG = hex(new Uint8Array(TAG));

/** @param {Uint8Array} octets @param {Uint8Array} stream */
const mixed = (octets, stream) => octets.map((octet, at) => octet ^ stream[at]);

/** @param {Uint8Array} key @param {Uint8Array} message */
const hmac = async (key, message) => {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, message));
};

/** @param {Uint8Array} octets */
const sha256 = async (octets) => new Uint8Array(await crypto.subtle.digest("SHA-256", octets));

/** The first octets of a digest, in hexadecimal. @param {Uint8Array} octets @param {number} count */
export const tagOf = async (octets, count) => hex((await sha256(octets)).subarray(0, count));

/**
 * What stands between the magic and the signature, if the issuer signed it.
 * @param {Uint8Array} octets @param {string} magic @param {string} purpose @param {BarcodeKeys} keys
 */
const unsigned = async (octets, magic, purpose, keys) => {
  must(octets.length > SIGNATURE + 5, "Cut short. Fetch it again.");
  const body = octets.subarray(0, -SIGNATURE);
  const reader = new Reader(body);
  must(strict.decode(reader.take(4)) === magic, `Does not begin with ${magic}. Fetch it again, or update this page.`);
  const key = keys.get(reader.number(1));
  const message = joined(utf8.encode(purpose), await sha256(body));
  const es256 = { name: "ECDSA", hash: "SHA-256" };
  const holds = key !== undefined && (await crypto.subtle.verify(es256, key, octets.subarray(-SIGNATURE), message));
  must(holds, "Not signed by the issuer. Fetch it from the issuer's own server.");
  return reader;
};

/** @param {Rows} rows @param {Uint8Array} more @returns {Rows} */
const grown = (rows, more) => {
  const octets = joined(rows.octets, more);
  const found = { octets, starts: [...rows.starts], byCode: new Map(rows.byCode), byPin: new Map(rows.byPin) };
  for (let at = rows.octets.length; at < octets.length; at += FIXED + 1 + octets[at + FIXED]) {
    must(at + FIXED < octets.length && at + FIXED + octets[at + FIXED] < octets.length, "The last row is cut short.");
    must(found.starts.length < ROWS_MAX, "Too many rows. Give the gate fewer occasions.");
    for (const [places, tag] of /** @type {[Map<string, number[]>, string][]} */ ([
      [found.byCode, hex(octets.subarray(at, at + TAG))],
      [found.byPin, hex(octets.subarray(at + TAG, at + 2 * TAG))],
    ])) {
      if (tag !== NO_TAG) places.set(tag, [...(places.get(tag) ?? []), found.starts.length]);
    }
    found.starts.push(at);
  }
  return found;
};

/** @type {Rows} */
const NO_ROWS = { octets: new Uint8Array(), starts: [], byCode: new Map(), byPin: new Map() };

/** @param {Uint8Array} octets */
const json = (octets) => {
  try {
    return JSON.parse(strict.decode(octets));
  } catch {
    throw new SnapshotUnreadable("The header is not JSON. Fetch the snapshot again.");
  }
};

/**
 * A gate's snapshot, if the issuer signed it; throws SnapshotUnreadable.
 * @param {Uint8Array} octets @param {BarcodeKeys} keys
 * @returns {Promise<Snapshot>}
 */
export const readSnapshot = async (octets, keys) => {
  const reader = await unsigned(octets, "CTG1", "cyberticket gate snapshot 1\0", keys);
  const header = json(reader.take(reader.number(4)));
  const rows = grown(NO_ROWS, reader.take(reader.number(4)));
  reader.end();
  return { header, rows };
};

/**
 * An answer about the status of rows, if the issuer signed it; throws SnapshotUnreadable.
 * @param {Uint8Array} octets @param {BarcodeKeys} keys
 * @returns {Promise<Status>}
 */
export const readStatus = async (octets, keys) => {
  const reader = await unsigned(octets, "CTS1", "cyberticket gate status 1\0", keys);
  const edition = hex(reader.take(16));
  const [after, cursor, madeAt] = [reader.number(8), reader.number(8), reader.number(8) * 1000];
  const [first, rows, form] = [reader.number(4), reader.number(4), reader.number(1)];
  const [body, news, added] = [0, 0, 0].map(() => reader.take(reader.number(4)));
  reader.end();
  must(first <= rows && rows <= ROWS_MAX && form <= 1 && (form === 1) === after > 0, "The status has no known form.");
  const told = news.length ? json(news) : { texts: [], occasions: [], products: {} };
  return { edition, after, cursor, madeAt, first, rows, form, body, news: told, added };
};

/** @param {Uint8Array} octets */
const inflated = async (octets) => {
  const parts = [];
  let length = 0;
  try {
    const stream = new Blob([octets]).stream().pipeThrough(new DecompressionStream("deflate"));
    const taken = stream.getReader();
    for (let part = await taken.read(); !part.done; part = await taken.read()) {
      parts.push(part.value);
      length += part.value.length;
      if (length > BODY_MAX) break;
    }
  } catch {
    throw new SnapshotUnreadable("The body is not zlib data. Fetch it again.");
  }
  must(length <= BODY_MAX, "The body is too long. Fetch it again.");
  return joined(...parts);
};

/** @param {Reader} reader @returns {Counted} */
const numbers = (reader) => ({
  left: reader.varint(),
  inside: reader.varint(),
  until: reader.varint(),
  last: reader.varint(),
});

/** @param {Reader} reader @param {number} rows */
const readFull = (reader, rows) => {
  const flags = new Uint8Array(rows);
  for (let bit = 0; bit < 5; bit += 1) {
    const plane = reader.take(Math.ceil(rows / 8));
    for (let at = 0; at < rows; at += 1) flags[at] |= ((plane[at >> 3] >> (7 - (at & 7))) & 1) << bit;
  }
  const counted = new Map();
  flags.forEach((octet, at) => octet & FLAGS.counted && counted.set(at, numbers(reader)));
  return { flags, counted };
};

/** @param {Reader} reader @param {Board} board @param {number} rows */
const readChanges = (reader, board, rows) => {
  const flags = new Uint8Array(rows);
  flags.set(board.flags);
  const counted = new Map(board.counted);
  const count = reader.varint();
  must(count <= rows, "More changes than rows. Fetch the status again.");
  const places = [];
  for (let at = 0, before = -1; at < count; at += 1) places.push((before += 1 + reader.varint()));
  must(places.every((place) => place < rows), "A change is of a row that there is not. Fetch the status again.");
  const octets = reader.take(count);
  places.forEach((place, at) => {
    must(octets[at] <= FLAGS.all, "A row's octet has bits that mean nothing here. Update this page.");
    flags[place] = octets[at];
    if (octets[at] & FLAGS.counted) counted.set(place, numbers(reader));
    else counted.delete(place);
  });
  return { flags, counted };
};

/**
 * What a gate has after this answer; throws SnapshotUnreadable for one that does not follow what is known.
 * @param {Snapshot} snapshot @param {Board | null} board @param {Status} status
 * @returns {Promise<{snapshot: Snapshot, board: Board}>}
 */
export const applied = async (snapshot, board, status) => {
  const known = snapshot.rows.starts.length;
  must(status.edition === snapshot.header.edition, "This status is of another snapshot. Fetch the snapshot again.");
  const follows = status.cursor >= (board?.cursor ?? 0) && status.rows >= known && status.first <= known;
  must(follows, "This status does not follow what is known. Fetch the status of all rows.");
  let next = snapshot;
  if (status.first === known) {
    const { header } = snapshot;
    const texts = [...header.texts, ...status.news.texts];
    const occasions = [...header.occasions, ...status.news.occasions];
    const products = { ...header.products, ...status.news.products };
    next = { header: { ...header, texts, occasions, products }, rows: grown(snapshot.rows, status.added) };
  }
  must(next.rows.starts.length === status.rows, "This status brings other rows than it counts.");
  const reader = new Reader(await inflated(status.body));
  must(status.form === 0 || (board !== null && status.after <= board.cursor), "Changes were missed before this status.");
  const standing =
    status.form === 0 ? readFull(reader, status.rows) : readChanges(reader, /** @type {Board} */ (board), status.rows);
  reader.end();
  return { snapshot: next, board: { cursor: status.cursor, madeAt: status.madeAt, ...standing } };
};

// --- opening a row ---

/** @param {bigint} code */
const named = (code) => unhex(code.toString(16).padStart(2 * CODE, "0"));

/** @param {Uint8Array} salt @param {bigint} code */
const findTag = async (salt, code) => (await hmac(salt, joined(utf8.encode("code|"), named(code)))).subarray(0, TAG);

/** @param {Uint8Array} salt @param {bigint} code @param {number} count */
const streamOf = async (salt, code, count) => {
  const blocks = [];
  for (let block = 0; block * 32 < count; block += 1) {
    const seed = joined(utf8.encode("open|"), named(code), utf8.encode("|"), Uint8Array.of(block));
    blocks.push(await hmac(salt, seed));
  }
  return joined(...blocks);
};

/** @param {Reader} reader */
const handsetOf = (reader) => {
  const digits = String(reader.number(2)).padStart(4, "0");
  must(digits.length === 4, "A row's handset has more than four digits.");
  return digits;
};

/** @param {Reader} reader @param {number} since */
const spanOf = (reader, since) => {
  const folded = reader.varint();
  const begins = since + (folded % 2 ? -(folded + 1) / 2 : folded / 2);
  return [begins, begins + reader.varint()];
};

/** @param {Uint8Array} octets @param {Header} header */
const readPayload = (octets, header) => {
  const reader = new Reader(octets);
  const has = reader.varint();
  must(has < 2 * HAS.seller, "A row has what this page does not know.");
  const compactTag = reader.take(TAG);
  const [occasion, category] = [reader.varint(), reader.varint()];
  must(occasion < header.occasions.length, "A row is of an occasion that came later. Fetch the snapshot again.");
  const { from, until } = header.occasions[occasion];
  const [row, seat] = has & HAS.seat ? [reader.text(), reader.text()] : ["", ""];
  const handset = has & HAS.handset ? handsetOf(reader) : "";
  const holderTag = has & HAS.holderKey ? reader.take(4) : null;
  const holder = has & HAS.holder ? reader.text() : "";
  const entrance = has & HAS.entrance ? reader.varint() : 0;
  const uses = has & HAS.uses ? reader.varint() : 1;
  const section = has & HAS.section ? reader.varint() : 0;
  const span = has & HAS.span ? spanOf(reader, header.since) : [from, until];
  const [origin, destination] = has & HAS.journey ? [reader.varint(), reader.varint()] : [0, 0];
  const seller = has & HAS.seller ? reader.varint() : 0;
  reader.end();
  return {
    compactTag, occasion, category, row, seat, handset, holderTag, holder, entrance, uses, section, span, origin,
    destination, seller,
  };
};

/** @typedef {ReturnType<typeof readPayload>} Row */

/** @param {Snapshot} snapshot @param {number} index @param {bigint} code */
const opened = async ({ header, rows }, index, code) => {
  const start = rows.starts[index] + FIXED;
  const sealed = rows.octets.subarray(start + 1, start + 1 + rows.octets[start]);
  try {
    const row = readPayload(mixed(sealed, await streamOf(unhex(header.edition), code, sealed.length)), header);
    return { index, code, row };
  } catch (fault) {
    if (fault instanceof SnapshotUnreadable || fault instanceof TypeError) return null;
    throw fault;
  }
};

/** @typedef {{index: number, code: bigint, row: Row}} Opened */

/**
 * The rows of this code.
 * @param {Snapshot} snapshot @param {bigint} code
 * @returns {Promise<Opened[]>}
 */
export const openByCode = async (snapshot, code) => {
  const tag = hex(await findTag(unhex(snapshot.header.edition), code));
  const found = await Promise.all((snapshot.rows.byCode.get(tag) ?? []).map((at) => opened(snapshot, at, code)));
  return found.filter((one) => one !== null);
};

/**
 * The rows that number and PIN name together.
 * @param {Snapshot} snapshot @param {Uint8Array} pinKey @param {string} number @param {string} pin
 * @returns {Promise<Opened[]>}
 */
export const openByPin = async (snapshot, pinKey, number, pin) => {
  const { rows, header } = snapshot;
  const tag = (await hmac(pinKey, utf8.encode(`pin|${number}|${pin}`))).subarray(0, TAG);
  const wrap = await hmac(pinKey, utf8.encode(`open|${number}|${pin}`));
  const found = [];
  for (const index of rows.byPin.get(hex(tag)) ?? []) {
    const start = rows.starts[index];
    const code = BigInt(`0x${hex(mixed(rows.octets.subarray(start + 2 * TAG, start + FIXED), wrap))}`);
    const held = hex(rows.octets.subarray(start, start + TAG));
    const one = hex(await findTag(unhex(header.edition), code)) === held ? await opened(snapshot, index, code) : null;
    if (one) found.push(one);
  }
  return found;
};
