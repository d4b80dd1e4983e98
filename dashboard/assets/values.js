// Numbers: decoding what the server packed, and writing them as the pages do.
window.minimascope = window.minimascope || {};
(function (ms) {
  const KINDS = { i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array,
    u4: Uint32Array, f4: Float32Array, f8: Float64Array };

  // Values of a packed or plain array in one flat sequence, with its shape; nothing is copied twice.
  const flats = new WeakMap();
  ms.typed = function (value) {
    if (!value || value.bdata === undefined) return { values: (value || []).flat(), shape: [(value || []).length, ((value || [])[0] || []).length] };
    if (!flats.has(value)) {
      const bytes = Uint8Array.from(atob(value.bdata), (c) => c.charCodeAt(0));
      const values = new KINDS[value.dtype](bytes.buffer);
      flats.set(value, { values, shape: String(value.shape || values.length).split(",").map(Number) });
    }
    return flats.get(value);
  };

  // Plain array (of rows) of a {dtype, bdata, shape} value, or the value itself.
  ms.decode = function (value) {
    if (!value || value.bdata === undefined) return value;
    const bytes = Uint8Array.from(atob(value.bdata), (c) => c.charCodeAt(0));
    const flat = Array.from(new KINDS[value.dtype](bytes.buffer));
    const shape = String(value.shape || flat.length).split(",").map(Number);
    if (shape.length < 2) return flat;
    return Array.from({ length: shape[0] }, (_, r) => flat.slice(r * shape[1], (r + 1) * shape[1]));
  };

  const unpacked = new WeakMap();
  // The same, kept for as long as the packed value lives.
  ms.once = function (value) {
    if (!value || typeof value !== "object") return value;
    if (!unpacked.has(value)) unpacked.set(value, ms.decode(value));
    return unpacked.get(value);
  };

  ms.number = function (value, digits = 3) {
    if (value === null || value === undefined || !isFinite(value)) return "—";
    const size = Math.abs(value);
    if (size === 0) return "0";
    if (size >= 1e-3 && size < 1e5) return Number(value.toPrecision(digits)).toString().replace("-", "−");
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    const raised = [...exponent.replace("+", "")].map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c])).join("");
    return mantissa.replace("-", "−") + "·10" + raised;
  };

  // A λ in an address: three significant digits.
  ms.exponential = (value) => Number(value.toPrecision(3)).toExponential().replace("+", "");

  ms.unsymlog = (place, linear) => Math.sign(place) * linear * (10 ** Math.abs(place) - 1);
})(window.minimascope);
