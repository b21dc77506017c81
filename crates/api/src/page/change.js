// Changes a server, a region or an agent by hand. A change is made only to what was seen: with the number of the last
// change that was known when it was looked at. Whatever the server says against it is shown as it is.

import { change, path, readTagged } from "./api.js";
import { byId, make } from "./dom.js";
import { tellIn } from "./trouble.js";
import { socket } from "./words.js";

const dialog = byId("change");
const trouble = dialog.querySelector(".trouble");

let subject = null;
let etag = null;
let onDone = () => {};

const value = (id) => byId(id).value.trim();
const number = (id) => (value(id) === "" ? undefined : Number(value(id)));
const words = () => ({ reason: value("change-reason") || undefined, for_seconds: number("change-for") });
const slope = () => ({ over_seconds: number("change-over") });
const reason = () => ({ reason: value("change-reason") || undefined });

/** What can be done about a server: the name of the choice, what it means, and how. */
function ofServer(server) {
  const at = ["overwatch", "backends", server.service, server.address, server.port];
  const [override, drain] = [path(...at, "override"), path(...at, "drain")];
  const set = (healthy) => () => change("POST", override, { etag, body: { healthy, ...words() } });
  const isOverridden = server.authority === "override";
  const isDrained = server.drained_share !== undefined || server.authority === "draining";
  const choices = [
    ["down", "Force down", "no client is sent there", set(false)],
    ["up", "Force up", "clients are sent there whatever checks say", set(true)],
    ["drain", "Drain", "it gets fewer new clients, or none", () => change("POST", drain, { etag, query: { share: value("change-share"), ...slope(), ...words() } })],
  ];
  // Each is a change of its own; the second one has seen the first.
  const clear = async () => {
    if (isOverridden) await change("DELETE", override, { etag, query: reason() });
    if (isDrained) await change("DELETE", drain, { etag: isOverridden ? undefined : etag, query: { ...slope(), ...reason() } });
  };
  if (isOverridden || isDrained) choices.push(["clear", "Clear", "checks and agents decide again", clear]);
  return choices;
}

function ofRegion({ region, drain }) {
  const at = path("routing", "regions", region, "drain");
  const begin = () => change("PUT", at, { etag, body: { share: Number(value("change-share")), ...slope(), ...words() } });
  const choices = [["drain", "Drain", "a share of its clients is sent elsewhere", begin]];
  if (drain) choices.push(["clear", "Clear", "it gets its clients back", () => change("DELETE", at, { etag, query: { ...slope(), ...reason() } })]);
  return choices;
}

/** As much of a key as is compared by eye with the agent's log, which has it whole. */
const short = (key) => `${key.slice(0, 16)}…`;

/** What can be done about an agent. Nothing of it ends by itself. */
function ofAgent({ agent_id, status, held, key_sha256, newcomer_key_sha256 }) {
  const at = (...word) => path("overwatch", "agents", agent_id, ...word);
  const say = (method, word, query) => () => change(method, at(...word), { etag, query: { ...query, ...reason() } });
  const approve = (key) => say("POST", ["approve"], { key });
  const choices = [];
  if (held) choices.push(["accept", "Accept", "its reports count again", say("POST", ["accept"])]);
  if (newcomer_key_sha256) {
    choices.push(["approve", "Approve the known key", short(key_sha256), approve(key_sha256)]);
    choices.push(["newcomer", "Approve the other key", short(newcomer_key_sha256), approve(newcomer_key_sha256)]);
  } else if (status === "pending" || status === "revoked") {
    choices.push(["approve", "Approve", `it is let in with the key ${short(key_sha256)}`, approve(undefined)]);
  }
  if (status !== "revoked") choices.push(["revoke", "Revoke", "its session ends, its servers and its rows are withdrawn", say("POST", ["revoke"])]);
  if (status !== "connected") choices.push(["forget", "Forget", "its name and its servers are free", say("DELETE", [])]);
  return choices;
}

/** The choices that may end by themselves. */
const LASTING = ["down", "up", "drain"];

function choose(name) {
  byId("change-drain").hidden = name !== "drain";
  byId("change-lasts").hidden = !LASTING.includes(name);
}

/** Whoever has read what was said against it may try again, with what is so now. */
async function lookAgain() {
  etag = await readTagged("/api/v1/overwatch/backends").then(
    (told) => told.etag,
    () => etag,
  );
}

function open(title, stateWords, seen, choices) {
  etag = seen;
  dialog.querySelector("form").reset();
  tellIn(trouble);
  byId("change-head").textContent = title;
  byId("change-state").textContent = stateWords;
  subject = choices;
  const radios = choices.map(([name, label, about]) => {
    const radio = make("input", { type: "radio", name: "choice", value: name, required: true, onchange: () => choose(name) });
    return make("label", { class: "radio" }, radio, make("span", {}, make("strong", {}, label), make("span", { class: "quiet" }, about)));
  });
  byId("change-choices").replaceChildren(...radios);
  choose("");
  dialog.showModal();
}

/** Asks what is to be done about a server; `seen` is the number of the last change when it was so. */
export const changeServer = (server, seen) => {
  const name = `${server.service} at ${socket(server.address, server.port)}`;
  const standing = `is ${server.effective_status}, says ${server.authority}${server.word ? `: ${server.word}` : ""}`;
  open(name, standing, seen, ofServer(server));
};

/** The same about a region. */
export const changeRegion = (region, seen) => {
  const standing = region.drain ? `is drained: ${region.drain.word}` : "is not drained";
  open(`Region ${region.region}`, standing, seen, ofRegion(region));
};

/** The same about an agent. */
export const changeAgent = (agent, seen) => {
  const standing = `is ${agent.status}${agent.held ? `, held: ${agent.held.reason}` : ""}`;
  open(`Agent ${agent.agent_id}`, standing, seen, ofAgent(agent));
};

async function carryOut(event) {
  event.preventDefault();
  const chosen = dialog.querySelector("input[name=choice]:checked").value;
  const button = dialog.querySelector("button.main");
  button.disabled = true;
  try {
    await subject.find(([name]) => name === chosen)[3]();
    dialog.close();
  } catch (error) {
    tellIn(trouble, error);
    await lookAgain();
  } finally {
    button.disabled = false;
    onDone();
  }
}

/** Listens. `done` is told when something may have changed. */
export function begin(done) {
  onDone = done;
  dialog.querySelector("form").addEventListener("submit", carryOut);
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
}
