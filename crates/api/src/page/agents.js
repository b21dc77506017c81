// Who reports, with what standing, and what was changed by whom: the words are those of the log and of
// opengslb-cli. Agents are let in and thrown out there.

import { byId, keep, make, row } from "./dom.js";
import { state } from "./servers.js";
import { count, time } from "./words.js";

/** The last changes that are shown. */
const CHANGES_MAX = 12;

/** In which colour of the servers' states an agent's is. */
const LIKE = { connected: "healthy", disconnected: "unhealthy", pending: "doubtful", revoked: "unhealthy" };
const MARK = { connected: "●", disconnected: "✕", pending: "?", revoked: "✕" };

function agentState({ status, held }) {
  const words = make("span", { class: `state ${LIKE[status] ?? ""}` }, make("span", { "aria-hidden": "true" }, MARK[status] ?? ""), status);
  return held ? [words, " ", state("held", "?"), make("span", { class: "quiet" }, ` since ${time(held.since)}: ${held.reason}`)] : [words];
}

/** Shows the agents. */
export function showAgents(agents) {
  const shown = agents.map(({ agent_id, region, status, latency_rows, last_seen, held }) => ({ agent_id, region, status, latency_rows, last_seen, held }));
  const line = (one) => row({}, ["name", one.agent_id], ["where", one.region ?? ""], ["status", ...agentState(one)], ["number samples", count(one.latency_rows)], ["last", time(one.last_seen)]);
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
