// PNG files that say their resolution and where they come from.
const encoder = new TextEncoder();
const HEADER = 33; // bytes of the signature and the first chunk
const METRE = 1 / 0.0254; // inches

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n >>> 0;
});

/** @param {Uint8Array} bytes */
export function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** @param {Uint8Array[]} parts */
export function joined(parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Big-endian 32 bits each. @param {number[]} values */
function words(...values) {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((value, i) => view.setUint32(4 * i, value));
  return new Uint8Array(view.buffer);
}

/** @param {string} type @param {Uint8Array} data */
function chunk(type, data) {
  const body = joined([encoder.encode(type), data]);
  return joined([words(data.length), body, words(crc32(body))]);
}

/**
 * The PNG with its resolution and origin after its header.
 * @param {Uint8Array} png
 * @param {number} dpi
 * @param {Record<string, any>} about
 */
export function labelled(png, dpi, about) {
  const perMetre = Math.round(dpi * METRE);
  const size = chunk("pHYs", joined([words(perMetre, perMetre), Uint8Array.of(1)]));
  const text = joined([encoder.encode("minimascope"), Uint8Array.of(0, 0, 0, 0, 0), encoder.encode(JSON.stringify(about))]);
  return joined([png.slice(0, HEADER), size, chunk("iTXt", text), png.slice(HEADER)]);
}
