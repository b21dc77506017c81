// The learned table, a page of it at a time: search, order, history. The server does the searching; a page
// costs it what is on it, but for an order of which it has to look at every row.

import { read, readFile, token } from "./api.js";
import { byId, keep, make, row } from "./dom.js";
import { note, pointsOf, sparkline } from "./history.js";
import { tell } from "./trouble.js";
import { band, count, many, ms, time } from "./words.js";

const ROWS = 20;

/** Where the page before begins, for each page that was turned. */
let turned = [];
let after = "";
let next = "";

/** What somebody types as a network: a whole one, the beginning of one, or an address, which stands for
 *  the networks that clients are commonly grouped into. */
export function networkOf(text) {
  const typed = text.trim();
  if (typed === "" || typed.includes("/")) return typed;
  if (typed.includes(":")) {
    const groups = typed.split("::")[0].split(":").filter((part) => part !== "");
    return `${[...groups, 0, 0, 0].slice(0, 3).join(":")}::/48`;
  }
  const parts = typed.split(".").filter((part) => part !== "");
  if (parts.length > 4) return typed;
  const kept = parts.slice(0, 3);
  return `${[...kept, 0, 0, 0].slice(0, 3).join(".")}.0/${kept.length * 8}`;
}

const query = () => ({
  prefix: networkOf(byId("learned-search").value),
  domain: byId("learned-domain").value,
  region: byId("learned-region").value,
});

function line({ subnet, domain, region, rtt_us, samples, last_updated, points }, onChoose) {
  const bar = make("span", { class: `bar band${band(rtt_us)}`, "aria-hidden": "true" });
  // As long as it takes; half a second fills it.
  bar.style.width = `${Math.min(rtt_us / 500_000, 1) * 100}%`;
  const chosen = () => onChoose({ network: subnet, domain });
  const name = make("button", { type: "button", class: "link", "data-focus": `${subnet} ${domain} ${region}`, title: "Explain", onclick: chosen }, subnet);
  return row({}, ["network", name], ["domain", domain], ["where", region], ["number rtt", make("span", { class: "track", "aria-hidden": "true" }, bar), make("span", { class: "ms" }, ms(rtt_us))], ["history", sparkline(points)], ["number samples", count(samples)], ["last", time(last_updated)]);
}

function noted(entries, sort) {
  const shown = entries.length === 0 ? "nothing is known of that" : many(entries.length, "row");
  const rest = sort === "subnet" || entries.length < ROWS ? "" : ", the first of this order";
  byId("table-note").textContent = `${shown}${turned.length ? ` on page ${turned.length + 1}` : ""}${rest}`;
  byId("table-back").disabled = turned.length === 0;
  byId("table-next").disabled = !next;
}

/** Reads the page again and shows it. */
export async function refresh(onChoose) {
  const sort = byId("learned-sort").value;
  const wanted = { ...query(), sort, limit: ROWS, after };
  const asked = JSON.stringify(wanted);
  const told = await read("/api/v1/overwatch/latency", wanted);
  // Meanwhile somebody may have turned the page or searched.
  if (asked !== JSON.stringify({ ...query(), sort: byId("learned-sort").value, limit: ROWS, after })) return;
  next = told.next ?? "";
  const entries = told.entries.map((entry) => {
    const key = `${entry.subnet} ${entry.domain} ${entry.region}`;
    note(key, entry.rtt_us);
    return { ...entry, key, points: [...pointsOf(key)] };
  });
  keep(document.querySelector("#table tbody"), entries, (entry) => entry.key, (entry) => line(entry, onChoose));
  noted(entries, sort);
}

/** All that is searched for, as a file: by the link itself where nobody needs a token. */
async function download(event) {
  const wanted = { ...query(), format: "csv" };
  const link = byId("learned-csv");
  if (!token.held()) {
    const set = Object.entries(wanted).filter(([, value]) => value);
    link.href = `/api/v1/overwatch/latency/export?${new URLSearchParams(set)}`;
    return;
  }
  event.preventDefault();
  try {
    const url = URL.createObjectURL(await readFile("/api/v1/overwatch/latency/export", wanted));
    make("a", { href: url, download: "latency.csv" }).click();
    URL.revokeObjectURL(url);
  } catch (error) {
    tell("export", error);
  }
}

/** Listens to the search and the pages. `look` reads again. */
export function begin(look) {
  const anew = () => {
    [turned, after] = [[], ""];
    look();
  };
  byId("learned-filter").addEventListener("submit", (event) => {
    event.preventDefault();
    anew();
  });
  for (const id of ["learned-domain", "learned-region", "learned-sort"]) byId(id).addEventListener("change", anew);
  byId("learned-csv").addEventListener("click", download);
  byId("table-next").addEventListener("click", () => {
    turned.push(after);
    after = next;
    look();
  });
  byId("table-back").addEventListener("click", () => {
    after = turned.pop() ?? "";
    look();
  });
}
