// Where clients go, as a picture: a lane for each region, a dot for each client network, further right and
// in a warmer colour the further away it is. A network that is answered otherwise moves to its new lane.
// By keyboard the picture is one stop: arrows go from dot to dot, Enter explains.

import { draw, keep } from "./dom.js";
import { BANDS_MS, band, many, ms } from "./words.js";

const TICKS_MS = [5, 10, 20, 50, 100, 200, 500, 1000];
/** Nearer is drawn here: within one city nobody can be sent to a better region. */
const LEAST_MS = 2;
const LANE = 72;
/** Where dots may be in a lane, from its top: below the words. */
const DOTS_TOP = 24;
const AXIS = 26;
const DOT = 5;
/** The part at the left for those whose time nobody knows. */
const UNKNOWN = 76;
const RIGHT = 12;

/** What a dot is, in words. */
export function sentence({ network, domain, region, server, reason, rtt_us }) {
  const where = region ? `${region}${server ? ` (${server})` : ""}` : "nowhere";
  return `${network} asks for ${domain} and gets ${where}${rtt_us === undefined ? "" : `, ${ms(rtt_us)} away`}: ${reason}`;
}

/** The picture in `place`. `onPoint` is told what is pointed at, `onChoose` what is to be explained. */
export function chart(place, onPoint, onChoose) {
  const svg = draw("svg", { role: "group", "aria-label": "Client networks by region and round-trip time" });
  const [back, dots] = [draw("g"), draw("g")];
  svg.append(back, dots);
  place.replaceChildren(svg);
  const nodes = new Map();
  let current = null;

  function point(key) {
    const node = nodes.get(key);
    if (!node) return;
    nodes.get(current)?.setAttribute("tabindex", "-1");
    node.setAttribute("tabindex", "0");
    current = key;
    onPoint(node.answer);
  }

  function step(by) {
    const order = [...dots.children];
    const at = order.indexOf(nodes.get(current));
    const next = order[Math.min(Math.max(at + by, 0), order.length - 1)];
    next?.focus();
  }

  dots.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (by) step(by);
    else if (event.key === "Enter" || event.key === " ") onChoose(nodes.get(current).answer);
    else return;
    event.preventDefault();
  });

  function dot(key, answer) {
    let node = nodes.get(key);
    if (!node) {
      node = draw("circle", { r: DOT, role: "button", tabindex: "-1" });
      node.addEventListener("focus", () => point(key));
      node.addEventListener("pointerenter", () => onPoint(node.answer));
      node.addEventListener("click", () => onChoose(node.answer));
      nodes.set(key, node);
    }
    const colour = band(answer.rtt_us);
    node.answer = answer;
    node.setAttribute("class", colour === undefined ? "unknown" : `band${colour}`);
    node.setAttribute("aria-label", sentence(answer));
    return node;
  }

  /** Draws what is known: `regions` are the lanes, from the top. */
  return function show(answers, regions) {
    const width = Math.max(place.clientWidth, 240);
    const most = Math.max(300, ...answers.map((one) => (one.rtt_us ?? 0) / 1000)) * 1.1;
    const span = Math.log(most / LEAST_MS);
    const x = (value_ms) => UNKNOWN + (Math.log(Math.max(value_ms, LEAST_MS) / LEAST_MS) / span) * (width - UNKNOWN - RIGHT);
    const height = regions.length * LANE;
    svg.setAttribute("width", width);
    svg.setAttribute("height", height + AXIS);
    keep(back, [...lanes(regions, answers, width), ...axis(x, most, height, width)], (one) => one.key, (one) => draw(one.name, one.attributes, one.text));
    const placed = swarm(answers, regions, x);
    const left = new Set(nodes.keys());
    placed.forEach(({ key, answer, cx, cy }, index) => {
      const node = dot(key, answer);
      left.delete(key);
      node.style.transform = `translate(${cx.toFixed(1)}px, ${cy.toFixed(1)}px)`;
      if (dots.children[index] !== node && node !== document.activeElement) dots.insertBefore(node, dots.children[index] ?? null);
    });
    for (const key of left) {
      nodes.get(key).remove();
      nodes.delete(key);
    }
    if (!nodes.has(current)) {
      current = placed[0]?.key ?? null;
      nodes.get(current)?.setAttribute("tabindex", "0");
    }
  };
}

/** The first of some texts that there is room for beside a name; letters are this wide at most. */
const fitting = (texts, width, name) => texts.find((text) => name.length * 8.4 + text.length * 6.8 < width - 12) ?? "";

/** The lanes' lines and words. */
function lanes(regions, answers, width) {
  return regions.flatMap(({ region, healthy, few, drained, state }, index) => {
    const top = index * LANE;
    const here = many(answers.filter((one) => one.region === region).length, "network");
    const words = fitting([[here, healthy, drained], [here, few, drained], [here, drained], [here]].map((some) => some.filter(Boolean).join(" · ")), width, region);
    const line = { x1: 0, x2: width, y1: top + 0.5, y2: top + 0.5, class: "lane" };
    return [
      { key: `line ${region}`, name: "line", attributes: line, text: "" },
      { key: `name ${region}`, name: "text", attributes: { x: 0, y: top + 17, class: `region ${state}` }, text: region },
      { key: `about ${region}`, name: "text", attributes: { x: width, y: top + 17, "text-anchor": "end", class: "quiet" }, text: words },
    ];
  });
}

/** The axis: its line has the colours, so it is the legend too. */
function axis(x, most, height, width) {
  const parts = [{ key: "unknown", name: "text", attributes: { x: 0, y: height + 20, class: "quiet" }, text: "not known" }];
  BANDS_MS.forEach((least, index) => {
    const [from, to] = [x(least), Math.min(x(BANDS_MS[index + 1] ?? most), width - RIGHT)];
    parts.push({ key: `band ${index}`, name: "line", attributes: { x1: from, x2: to, y1: height + 2, y2: height + 2, class: `axis band${index}` }, text: "" });
  });
  for (const tick of TICKS_MS.filter((tick) => tick < most)) {
    const at = x(tick);
    parts.push({ key: `grid ${tick}`, name: "line", attributes: { x1: at, x2: at, y1: 0, y2: height, class: "grid" }, text: "" });
    parts.push({ key: `tick ${tick}`, name: "text", attributes: { x: at, y: height + 20, "text-anchor": "middle", class: "quiet" }, text: tick === TICKS_MS[0] ? `${tick} ms` : `${tick}` });
  }
  return parts;
}

/** Where each dot is: beside one another where they would lie on one another. */
function swarm(answers, regions, x) {
  const laneOf = new Map(regions.map(({ region }, index) => [region, index]));
  const order = answers.filter((one) => laneOf.has(one.region));
  const left = (one) => (one.rtt_us === undefined ? -1 : one.rtt_us);
  order.sort((a, b) => laneOf.get(a.region) - laneOf.get(b.region) || left(a) - left(b) || (a.network < b.network ? -1 : 1));
  const columns = new Map();
  const middle = (DOTS_TOP + LANE) / 2;
  return order.map((answer) => {
    const lane = laneOf.get(answer.region);
    const isKnown = answer.rtt_us !== undefined;
    const column = isKnown ? Math.round(x(answer.rtt_us / 1000) / (2 * DOT)) : 0;
    const place = `${lane} ${column}`;
    const nth = columns.get(place) ?? 0;
    columns.set(place, nth + 1);
    // Up and down in turn; without a time, in rows.
    const [row, shift] = isKnown ? [nth % 4, 0] : [Math.floor(nth / 7) % 4, (nth % 7) * 2 * DOT];
    const away = (row % 2 ? 1 : -1) * Math.ceil(row / 2) * (2 * DOT + 1);
    const cx = isKnown ? x(answer.rtt_us / 1000) : DOT + 1 + shift;
    return { key: `${answer.domain} ${answer.network}`, answer, cx, cy: lane * LANE + middle + away };
  });
}
