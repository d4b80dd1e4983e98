// The symmetric logarithm of minimascope/figures/symlog.py, backwards.
/** @type {(place: number, linear: number) => number} */
export const unsymlog = (place, linear) => Math.sign(place) * linear * (10 ** Math.abs(place) - 1);
