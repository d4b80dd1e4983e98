// Traces by what they are, not by what they are called.

/** @typedef {typeof import("../contract.mjs").ROLE} Roles */
/** @typedef {Roles[keyof Roles]} Role */

/** @type {(trace: Trace, ...roles: Role[]) => boolean} */
export const is = (trace, ...roles) => roles.includes(trace.meta?.role);

/** @type {(figure: Figure, role: Role) => Trace[]} */
export const every = (figure, role) => figure.data.filter((trace) => is(trace, role));

/**
 * The first of its role, or of its role and vector.
 * @param {Figure} figure
 * @param {Role} role
 * @param {number} [vector] 1-based
 * @returns {Trace | undefined}
 */
export const first = (figure, role, vector) =>
  figure.data.find((trace) => is(trace, role) && (vector === undefined || trace.meta.vector === vector));
