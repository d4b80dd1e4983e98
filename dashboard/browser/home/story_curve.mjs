// Training and test loss along the line, the gap between them, and where the slider stands.

const SPACE = "http://www.w3.org/2000/svg";
const WIDE = 800, TALL = 200, LEFT = 4, TOP = 14, FLOOR = 186; // of the drawing's own coordinates

/** @param {string} tag @param {Record<string, string | number>} given @param {string} [words] */
function svg(tag, given, words) {
  const made = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(given)) made.setAttribute(name, String(value));
  if (words) made.textContent = words;
  return made;
}

/** @param {HTMLElement | null} place @param {import("./story.mjs").Story} story @param {number} at */
export function drawCurve(place, { train, test }, at) {
  if (!place) return;
  const most = 1.06 * Math.max(...train, ...test), last = train.length - 1;
  const across = (/** @type {number} */ stop) => LEFT + ((WIDE - 2 * LEFT) * stop) / last;
  const up = (/** @type {number} */ loss) => FLOOR - ((FLOOR - TOP) * loss) / most;
  const line = (/** @type {number[]} */ losses) => losses.map((loss, stop) => `${across(stop).toFixed(1)},${up(loss).toFixed(1)}`);
  const drawing = svg("svg", { viewBox: `0 0 ${WIDE} ${TALL}`, "aria-hidden": "true", preserveAspectRatio: "none" });
  const ticks = [0.5, 1, 1.5].filter((tick) => tick < most);
  drawing.append(
    ...ticks.map((tick) => svg("line", { x1: 0, x2: WIDE, y1: up(tick), y2: up(tick), class: "story-grid" })),
    svg("line", { x1: 0, x2: WIDE, y1: up(0), y2: up(0), class: "story-grid" }),
    svg("polygon", { points: [...line(train), ...line(test).reverse()].join(" "), class: "story-gap" }),
    svg("polyline", { points: line(test).join(" "), class: "story-test" }),
    svg("polyline", { points: line(train).join(" "), class: "story-train" }),
    svg("line", { x1: across(at), x2: across(at), y1: up(train[at]), y2: up(test[at]), class: "story-here" }),
  );
  const dots = document.createElement("div");
  dots.className = "story-dots";
  for (const [losses, look] of /** @type {const} */ ([[test, "open"], [train, "full"]])) {
    const dot = document.createElement("span");
    dot.className = look;
    dot.style.left = `${(100 * across(at)) / WIDE}%`;
    dot.style.top = `${(100 * up(losses[at])) / TALL}%`;
    dots.append(dot);
  }
  for (const tick of ticks) dots.append(label(`${tick}${tick === ticks.at(-1) ? " nats" : ""}`, 0, up(tick)));
  const middle = Math.round(0.55 * last), below = label("training loss", (100 * across(middle)) / WIDE, up(train[middle]) + 24);
  below.className = "ending"; // it falls to the right: what is written under it ends there
  dots.append(label("test loss", (100 * across(middle)) / WIDE, up(test[middle]) - 5), below);
  place.replaceChildren(drawing, dots);
}

/** @param {string} words @param {number} left in percent @param {number} top */
function label(words, left, top) {
  const made = document.createElement("i");
  made.textContent = words;
  made.style.left = `${left}%`;
  made.style.top = `${(100 * top) / TALL}%`;
  return made;
}
