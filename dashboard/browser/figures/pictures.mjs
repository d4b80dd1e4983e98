// Every plot of the page by name: how to draw it, for its frame and for exports.

/** @type {Record<string, Picture>} */
export const pictures = {};

/** Every picture of a film, of the plots that have one. @type {Record<string, (width: number) => Promise<Figure[]>>} */
export const films = {};

// What a click, a brush in each plot does: set by the page that has the plot.
/** @type {Record<string, (point: any) => void>} */
export const clicks = {};
/** @type {Record<string, (range: any) => void>} */
export const brushes = {};
/** With null when the pointer leaves. @type {Record<string, (point: any) => void>} */
export const hovers = {};
