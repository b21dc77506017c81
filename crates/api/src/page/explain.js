// Where a client is sent, and why: the server's own explanation, laid out. The address of the page keeps
// the question, so it can be passed on.

import { Refused, read } from "./api.js";
import { byId, make, row } from "./dom.js";
import { tellIn } from "./trouble.js";
import { band, lasting, many, ms, percent, time } from "./words.js";

/** What stands at the beginning of the address's fragment. */
const MARK = "#explain?";

let asked = "";

const term = (name, ...content) => [make("dt", {}, name), make("dd", {}, ...content)];

function facts({ decision, geography, pin, hold, exploration }) {
  const { country, asn, latitude, longitude, custom_region } = geography;
  const place = [country, asn && `AS${asn}`, latitude !== undefined && `${latitude}, ${longitude}`, custom_region && `placed in ${custom_region} by hand`];
  const stays = hold && [`${hold.region}${hold.since ? ` since ${time(hold.since)}` : ""}`, hold.leaves_below_us && `leaves for less than ${ms(hold.leaves_below_us)}`, hold.wishes && `would rather be in ${hold.wishes}`, hold.waits_for && `waits for ${hold.waits_for}${hold.waits_until ? ` until ${time(hold.waits_until)}` : ""}`];
  const tried = exploration && [exploration.off ? `off: ${exploration.off}` : (exploration.this_slot ?? "nothing"), `until ${time(exploration.slot_ends)}`];
  return make(
    "dl",
    { class: "facts" },
    ...term("Addresses", decision.addresses.join(", ") || "none"),
    ...term("Holds for", `${decision.block}, ${many(decision.ttl, "second")}`),
    ...(place.some(Boolean) ? term("Client is in", place.filter(Boolean).join(", ")) : []),
    ...(pin ? term("Pinned", `${pin.network} to ${pin.region}${pin.is_forbidden ? ", which a constraint forbids" : ""}`) : []),
    ...(stays ? term("Stays in", stays.filter(Boolean).join(", ")) : []),
    ...(tried ? term("Tries", tried.join(", ")) : []),
  );
}

/** Why a region is, or would be, or cannot be the answer. */
function verdict({ chosen, reason, excluded, drained_share, not_tried }) {
  const words = chosen ? ["answered: ", make("code", {}, reason)] : excluded ? ["not: ", make("code", {}, excluded)] : ["behind it: ", make("code", {}, reason ?? "")];
  if (drained_share) words.push(`, drained of ${percent(drained_share)}`);
  if (not_tried) words.push(", not tried: ", make("code", {}, not_tried));
  return words;
}

function source(estimate) {
  if (!estimate) return "";
  const { source: from, samples, learned, age_seconds, low_us, high_us } = estimate;
  const range = low_us !== undefined && high_us !== undefined && `${ms(low_us)} to ${ms(high_us)}`;
  return [range, `${from}, ${many(samples, "sample")}`, learned ? "learned" : "not learned", age_seconds !== undefined && `${lasting(age_seconds)} old`].filter(Boolean).join(", ");
}

function candidate(one) {
  const rtt_us = one.estimate?.rtt_us ?? one.connect_rtt_us;
  const colour = band(rtt_us);
  const dot = make("span", { class: `dot ${colour === undefined ? "unknown" : `band${colour}`}`, "aria-hidden": "true" });
  return row({ class: one.chosen ? "chosen" : "" }, ["where", one.region], ["number rtt", dot, ` ${ms(rtt_us) || "–"}`], ["verdict", ...verdict(one)], ["source quiet", source(one.estimate)]);
}

function table(candidates) {
  const head = ["Region", "RTT", "Verdict", "Known from"].map((name) => make("th", { scope: "col", class: name === "RTT" ? "number" : "" }, name));
  const caption = make("caption", { class: "unseen" }, "Every region of the domain, in the order in which they are taken");
  return make("table", { class: "rows candidates" }, caption, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...candidates.map(candidate)));
}

function show(told) {
  const { decision, client, domain, routing_algorithm, why, candidates } = told;
  const answer = make("p", { class: "answer" }, make("strong", {}, decision.region ?? "nowhere"), make("code", {}, decision.reason), make("span", { class: "quiet" }, `${client} asks for ${domain}, ${routing_algorithm}`));
  byId("explanation").replaceChildren(answer, make("p", {}, why), table(candidates), facts(told));
}

async function ask(domain, client) {
  asked = `${MARK}${new URLSearchParams({ domain, client })}`;
  history.replaceState(null, "", asked);
  const place = make("div", { class: "trouble" });
  try {
    show(await read("/api/v1/routing/explain", { domain, client }));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    tellIn(place, error);
    byId("explanation").replaceChildren(place);
  }
}

/** Explains a network that was pointed at elsewhere on the page. */
export function explain({ network, domain }) {
  byId("explain-domain").value = domain;
  byId("explain-client").value = network;
  byId("explain").scrollIntoView({ block: "nearest" });
  return ask(domain, network);
}

/** Listens, and answers what the address asks. `domains` are there by now. */
export function begin() {
  byId("explain-form").addEventListener("submit", (event) => {
    event.preventDefault();
    ask(byId("explain-domain").value, byId("explain-client").value.trim());
  });
  if (!location.hash.startsWith(MARK)) return;
  const wanted = new URLSearchParams(location.hash.slice(MARK.length));
  explain({ domain: wanted.get("domain") ?? "", network: wanted.get("client") ?? "" });
}
