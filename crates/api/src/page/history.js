// What round-trip times were while this page was open, and a small line of it. The server keeps none: see
// decision 51.

import { draw } from "./dom.js";
import { band } from "./words.js";

/** Rows of which there is a history; the one that was seen longest ago goes. */
const ROWS_MAX = 1_000;
/** Points of a row: an hour, where it is looked at every ten seconds. */
const POINTS_MAX = 360;
/** Nobody is told of a row more often than once a second. */
const MOMENT_MS = 900;
const [WIDTH, HEIGHT] = [96, 20];

const rows = new Map();

/** Notes what a row says now. Looked at twice in a moment, it is one point. */
export function note(key, rtt_us) {
  const points = rows.get(key) ?? [];
  rows.delete(key);
  const at = Date.now();
  if (points.length > 0 && at - points.at(-1).at < MOMENT_MS) points.at(-1).rtt_us = rtt_us;
  else points.push({ at, rtt_us });
  if (points.length > POINTS_MAX) points.shift();
  rows.set(key, points);
  if (rows.size > ROWS_MAX) rows.delete(rows.keys().next().value);
}

/** The points of a row, the oldest first. */
export const pointsOf = (key) => rows.get(key) ?? [];

/** A line of what was: nearly flat where it moved by less than a tenth, so that noise does not look like
 *  news. */
export function sparkline(points) {
  const svg = draw("svg", { width: WIDTH, height: HEIGHT, class: "spark", role: "img" });
  const times = points.map((point) => point.rtt_us);
  const [low, high] = [Math.min(...times), Math.max(...times)];
  const middle = (low + high) / 2;
  const span = Math.max(high - low, middle / 10, 1);
  const [first, last] = [points[0], points.at(-1)];
  const x = (at) => WIDTH - 4 - ((last.at - at) / Math.max(last.at - first.at, 1)) * (WIDTH - 8);
  const y = (value) => HEIGHT / 2 - ((value - middle) / span) * (HEIGHT - 6);
  const places = points.map(({ at, rtt_us }) => `${x(at).toFixed(1)},${y(rtt_us).toFixed(1)}`);
  const about = `from ${Math.round(low / 1000)} to ${Math.round(high / 1000)} ms since this page is open`;
  svg.setAttribute("aria-label", about);
  svg.append(draw("title", {}, about));
  if (points.length > 1) svg.append(draw("polyline", { points: places.join(" "), fill: "none" }));
  const [cx, cy] = places.at(-1).split(",");
  svg.append(draw("circle", { cx, cy, r: 2.2, class: `band${band(last.rtt_us)}` }));
  return svg;
}
