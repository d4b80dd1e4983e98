// A film as one file without a script: pictures in an SVG whose style shows one after another.
import { INCH, uriOf } from "./images.mjs";

const FRAME_SECONDS = 0.12, WIDTH = 7.7; // inches

/** Where each picture is seen in a film that goes forward and back. @param {number} count */
export function places(count) {
  const whole = Math.max(2 * count - 2, 1);
  return { whole, of: (/** @type {number} */ k) => [...new Set([k, (whole - k) % whole])].sort((a, b) => a - b) };
}

/** @param {number} k @param {{ whole: number, of: (k: number) => number[] }} seen */
function keyframes(k, { whole, of }) {
  const share = (/** @type {number} */ place) => `${((100 * place) / whole).toFixed(3)}%`;
  const turns = of(k).map((place) => `${share(place)}{visibility:visible}${share(place + 1)}{visibility:hidden}`);
  return `@keyframes f${k}{0%{visibility:hidden}${turns.join("")}}#f${k}{animation-name:f${k}}`;
}

/**
 * The file; whoever wants less motion sees the first picture.
 * @param {string[]} uris of pictures, all of one size
 * @param {{ width: number, height: number }} size
 * @param {Record<string, any>} about
 */
export function filmSvg(uris, { width, height }, about) {
  const seen = places(uris.length), said = JSON.stringify(about).replace(/&/g, "&amp;").replace(/</g, "&lt;");
  const style = `image{visibility:hidden;animation:none ${(FRAME_SECONDS * seen.whole).toFixed(2)}s step-end infinite}` +
    uris.map((_, k) => keyframes(k, seen)).join("") +
    "@media (prefers-reduced-motion:reduce){image{animation:none!important}#f0{visibility:visible}}";
  const images = uris.map((uri, k) => `<image id="f${k}" width="${width}" height="${height}" href="${uri}"/>`).join("");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">` +
    `<metadata>${said}</metadata><style>${style}</style><rect width="${width}" height="${height}" fill="#fff"/>${images}</svg>`;
}

/**
 * @param {(width: number) => Promise<Figure[]>} frames
 * @param {Record<string, any>} about
 */
export async function filmOf(frames, about) {
  const width = Math.round(WIDTH * INCH), figures = await frames(width), uris = [];
  if (!figures.length) throw new Error("There is no picture to make a film of");
  const height = figures[0].layout.height || Math.round(0.62 * width);
  for (const figure of figures) uris.push(await uriOf({ data: figure.data, layout: { ...figure.layout, autosize: false, width, height } }, "webp", 1));
  return filmSvg(uris, { width, height }, about);
}
