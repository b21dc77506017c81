// Every server by region: what answers go by, who says so and why; and where to change it. What needs
// somebody stands first.

import { byId, keep, make } from "./dom.js";
import { many, percent, said, socket } from "./words.js";

/** Servers that are shown at a time; the rest is found by searching. */
const SHOWN_MAX = 100;

const RANK = { unhealthy: 0, draining: 1, doubtful: 2, healthy: 3 };
/** The same without colours. */
const MARK = { unhealthy: "✕", draining: "↓", doubtful: "?", healthy: "●" };

/** A state in its colour, with its mark. */
export const state = (word, mark = MARK[word] ?? "") => make("span", { class: `state ${word}` }, make("span", { "aria-hidden": "true" }, mark), word);

/** The same server again, and no other one. */
export const keyOf = ({ service, address, port }) => `${service} ${address} ${port}`;

const byTrouble = (a, b) => (RANK[a.effective_status] ?? 9) - (RANK[b.effective_status] ?? 9);

/** Everything there is to say about a server, but for its state: a line each. */
function lines({ word, drained_share, strained_share, strain, certificate_days_left, validation_error, agent_healthy }) {
  return [
    word,
    drained_share && `drained of ${percent(drained_share)} of its weight`,
    strain && `strained: ${strain.signal} is ${Math.round(strain.value * 10) / 10}, its limit ${strain.threshold}`,
    strained_share !== undefined && `gets ${percent(strained_share)} of its weight while it strains`,
    validation_error && `check: ${validation_error}`,
    agent_healthy === false && "its agent says that it is ill",
    certificate_days_left !== undefined && certificate_days_left < 30 && `its certificate ends in ${many(certificate_days_left, "day")}`,
  ].filter(Boolean);
}

/** What of a server is shown, without what changes all the time. */
function shown(server) {
  const { service, address, port, weight, agent_id, region, effective_status, authority } = server;
  const { drained_share, strained_share, strain, certificate_days_left, validation_error, agent_healthy } = server;
  const word = said(server);
  return { service, address, port, weight, agent_id, region, effective_status, authority, drained_share, strained_share, strain, certificate_days_left, validation_error, agent_healthy, word };
}

const textOf = (one) => [one.service, socket(one.address, one.port), one.region, one.effective_status, one.authority, one.agent_id].join(" ").toLowerCase();

function item(one, onChange) {
  const name = socket(one.address, one.port);
  const button = make("button", { type: "button", "data-focus": keyOf(one), "aria-label": `Change ${one.service} at ${name}`, onclick: () => onChange(one) }, "Change");
  const about = [one.service, `weight ${one.weight}`, one.agent_id && `agent ${one.agent_id}`].filter(Boolean).join(", ");
  return make(
    "li",
    { class: "server", "data-server": keyOf(one) },
    make("p", { class: "name" }, name),
    make("p", { class: "standing" }, state(one.effective_status), make("span", { class: "quiet" }, `says ${one.authority}`)),
    button,
    make("p", { class: "quiet more" }, [about, ...lines(one)].join(" · ")),
  );
}

function group({ region, drain, servers, healthy }, onChange, onDrain) {
  const list = make("ul", {}, ...servers.map((one) => item(one, onChange)));
  const button = make("button", { type: "button", "data-focus": `region ${region}`, "aria-label": `Drain region ${region}`, onclick: () => onDrain({ region, drain }) }, "Drain");
  const about = [`${healthy} healthy`, drain && `drained of ${percent(drain.share)} of its clients`, drain?.word].filter(Boolean).join(", ");
  return make("div", { class: "group" }, make("div", { class: "head" }, make("h3", {}, region), make("span", { class: "quiet" }, about), button), list);
}

/** How far a region is drained; nothing where nobody said so. */
function drainOf(region) {
  if (!region || (region.target_share === undefined && region.drained_share === 0)) return undefined;
  return { share: region.drained_share, target: region.target_share, word: said(region) };
}

/** Shows the servers that are searched for, by region. */
export function show(backends, regions, onChange, onDrain) {
  const wanted = byId("servers-search").value.trim().toLowerCase();
  const found = backends.map(shown).filter((one) => textOf(one).includes(wanted));
  found.sort(byTrouble);
  const names = [...new Set([...regions.map((one) => one.region), ...found.map((one) => one.region)])].sort();
  const visible = new Set(found.slice(0, SHOWN_MAX));
  const groups = names.map((region) => {
    const all = backends.filter((one) => one.region === region);
    const healthy = `${all.filter((one) => one.effective_status === "healthy").length} of ${all.length}`;
    const servers = found.filter((one) => one.region === region && visible.has(one));
    return { region, healthy, drain: drainOf(regions.find((one) => one.region === region)), servers };
  });
  const some = groups.filter((one) => one.servers.length > 0 || !wanted);
  keep(byId("regions"), some, (one) => one.region, (one) => group(one, onChange, onDrain));
  const hidden = found.length - visible.size;
  byId("servers-note").textContent = found.length === 0 ? "no server is called that" : hidden > 0 ? `and ${many(hidden, "more server")}: search for them` : "";
}

/** Each region with its servers in short, for the lanes of the picture. */
export function lanesOf(backends, regions, answers) {
  const names = new Set([...regions.map((one) => one.region), ...answers.map((one) => one.region).filter(Boolean)]);
  return [...names].sort().map((region) => {
    const all = backends.filter((one) => one.region === region);
    const up = all.filter((one) => one.effective_status === "healthy").length;
    const drained = regions.find((one) => one.region === region)?.drained_share;
    const healthy = all.length > 0 && `${up} of ${many(all.length, "server")} healthy`;
    const few = all.length > 0 && `${up} of ${all.length} healthy`;
    return { region, healthy, few, drained: drained > 0 && `drained of ${percent(drained)}`, state: up === 0 && all.length > 0 ? "unhealthy" : "" };
  });
}
