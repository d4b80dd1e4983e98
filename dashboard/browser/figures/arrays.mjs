// Arrays as the server packs them: Plotly's {dtype, bdata, shape}.
/** @type {Record<string, any>} */
const KINDS = {
  i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array,
  i4: Int32Array, u4: Uint32Array, f4: Float32Array, f8: Float64Array,
};

/** @param {any} value @returns {value is Packed} */
function isPacked(value) {
  return Boolean(value) && value.bdata !== undefined;
}

/** @param {Packed} value */
function unpack(value) {
  const bytes = Uint8Array.from(atob(value.bdata), (c) => c.charCodeAt(0));
  return new KINDS[value.dtype](bytes.buffer);
}

/** @type {(value: Packed, count: number) => number[]} */
const shapeOf = (value, count) => String(value.shape || count).split(",").map(Number);

const flats = new WeakMap();

/**
 * Values of a packed or plain array in one flat sequence, with its shape; nothing is copied twice.
 * @param {any} value
 * @returns {{ values: ArrayLike<number>, shape: number[] }}
 */
export function typed(value) {
  if (!isPacked(value)) {
    const rows = value || [];
    return { values: rows.flat(), shape: [rows.length, (rows[0] || []).length] };
  }
  if (!flats.has(value)) {
    const values = unpack(value);
    flats.set(value, { values, shape: shapeOf(value, values.length) });
  }
  return flats.get(value);
}

/**
 * Plain array (of rows) of a packed value, or the value itself.
 * @param {any} value
 * @returns {any}
 */
export function decode(value) {
  if (!isPacked(value)) return value;
  const flat = Array.from(unpack(value)), shape = shapeOf(value, flat.length);
  if (shape.length < 2) return flat;
  return Array.from({ length: shape[0] }, (_, row) => flat.slice(row * shape[1], (row + 1) * shape[1]));
}

const unpacked = new WeakMap();

/**
 * The same, kept for as long as the packed value lives.
 * @param {any} value
 * @returns {any}
 */
export function once(value) {
  if (!value || typeof value !== "object") return value;
  if (!unpacked.has(value)) unpacked.set(value, decode(value));
  return unpacked.get(value);
}
