// Files of a folder as one zip, stored as they are: their bytes stay where they lie until they are sent.

/** @typedef {{ path: string, file: File }} Found */

const PIECE = 8 << 20;
const MOST = 2 ** 32 - 1; // bytes that a zip without further tables can name
const ENTRIES = 65535;
const UTF8 = 0x800;
const DAY = 0x21; // 1 January 1980: the same folder is the same bytes

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** The CRC-32 of a file, piece by piece. @param {Blob} file */
export async function checksum(file) {
  let value = 0xffffffff;
  for (let start = 0; start < file.size; start += PIECE) {
    const piece = new Uint8Array(await file.slice(start, start + PIECE).arrayBuffer());
    for (const byte of piece) value = TABLE[(value ^ byte) & 0xff] ^ (value >>> 8);
  }
  return (value ^ 0xffffffff) >>> 0;
}

/** Numbers one after the other, little-endian. @param {[value: number, bytes: 2 | 4][]} numbers */
function packed(numbers) {
  const view = new DataView(new ArrayBuffer(numbers.reduce((sum, [, bytes]) => sum + bytes, 0)));
  let at = 0;
  for (const [value, bytes] of numbers) {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  }
  return view;
}

/**
 * What a record's two headers share, from the version on. @param {number} crc @param {number} size @param {number} name
 * @returns {[number, 2 | 4][]}
 */
const shared = (crc, size, name) => [[20, 2], [UTF8, 2], [0, 2], [0, 2], [DAY, 2], [crc, 4], [size, 4], [size, 4], [name, 2], [0, 2]];

/**
 * A zip of the files under one folder's name. Null where they are too many or too large for one.
 * @param {string} folder
 * @param {Found[]} files
 */
export async function zipped(folder, files) {
  const total = files.reduce((sum, { file, path }) => sum + file.size + 2 * path.length * 3 + 200, 0);
  if (total > MOST || files.length > ENTRIES) return null;
  const parts = /** @type {BlobPart[]} */ ([]), central = /** @type {BlobPart[]} */ ([]);
  let at = 0, listed = 0;
  for (const { path, file } of files) {
    const name = new TextEncoder().encode(`${folder}/${path}`), both = shared(await checksum(file), file.size, name.length);
    parts.push(packed([[0x04034b50, 4], ...both]), name, file);
    central.push(packed([[0x02014b50, 4], [20, 2], ...both, [0, 2], [0, 2], [0, 2], [0, 4], [at, 4]]), name);
    at += 30 + name.length + file.size;
    listed += 46 + name.length;
  }
  const end = packed([[0x06054b50, 4], [0, 2], [0, 2], [files.length, 2], [files.length, 2], [listed, 4], [at, 4], [0, 2]]);
  const lastModified = Math.max(0, ...files.map(({ file }) => file.lastModified));
  return new File([...parts, ...central, end], `${folder}.zip`, { lastModified });
}
