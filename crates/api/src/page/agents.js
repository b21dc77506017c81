// Who reports, with what standing, and what was changed by whom: the words are those of the log and of
// opengslb-cli. Who needs somebody stands first.

import { byId, keep, make, row } from "./dom.js";
import { state } from "./servers.js";
import { count, time } from "./words.js";

/** The last changes that are shown. */
const CHANGES_MAX = 12;

/** In which colour of the servers' states an agent's is. */
const LIKE = { connected: "healthy", disconnected: "unhealthy", pending: "doubtful", revoked: "unhealthy" };
const MARK = { connected: "●", disconnected: "✕", pending: "?", revoked: "✕" };

function agentState({ status, held, newcomer_key_sha256 }) {
  const words = make("span", { class: `state ${LIKE[status] ?? ""}` }, make("span", { "aria-hidden": "true" }, MARK[status] ?? ""), status);
  const another = newcomer_key_sha256 && make("span", { class: "quiet" }, " another key asks for this name");
  if (another) return [words, another];
  return held ? [words, " ", state("held", "?"), make("span", { class: "quiet" }, ` since ${time(held.since)}: ${held.reason}`)] : [words];
}

/** Whether an operator has to say something about it. */
const isWaiting = ({ status, newcomer_key_sha256, held }) => status === "pending" || newcomer_key_sha256 !== undefined || held !== undefined;

/** Shows the agents. */
export function showAgents(agents, onChange) {
  const told = [...agents.filter(isWaiting), ...agents.filter((one) => !isWaiting(one))];
  const shown = told.map(({ agent_id, region, status, latency_rows, last_seen, held, key_sha256, newcomer_key_sha256 }) => ({ agent_id, region, status, latency_rows, last_seen, held, key_sha256, newcomer_key_sha256 }));
  const button = (one) => make("button", { type: "button", "data-focus": `agent ${one.agent_id}`, "aria-label": `Change agent ${one.agent_id}`, onclick: () => onChange(one) }, "Change");
  const line = (one) => row({ "data-agent": one.agent_id }, ["name", one.agent_id], ["where", one.region ?? ""], ["status", ...agentState(one)], ["number samples", count(one.latency_rows)], ["last", time(one.last_seen)], ["does", button(one)]);
  keep(document.querySelector("#agent-rows tbody"), shown, (one) => one.agent_id, line);
}

/** Shows the last changes. */
export function showChanges(lines) {
  const shown = lines.slice(0, CHANGES_MAX);
  const item = ({ at, what, by, reason }) => {
    const end = `${by ? `, by ${by}` : ""}${reason ? `: ${reason}` : ""}`;
    return make("li", {}, make("span", { class: "quiet" }, time(at)), ` ${what}`, make("span", { class: "quiet" }, end));
  };
  keep(byId("audit"), shown, (one) => `${one.at} ${one.what} ${lines.length - lines.indexOf(one)}`, item);
  if (shown.length === 0) byId("audit").replaceChildren(make("li", { class: "quiet" }, "nothing was changed by hand"));
}
