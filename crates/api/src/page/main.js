// The page: what is asked of the server how often, and who is told of the answers. Begin here.
//
//   status, domains          -> the head, the choices
//   backends, regions        -> servers.js, the lanes of chart.js
//   decisions (live)         -> tail.js, networks.js -> the dots of chart.js
//   latency, explain         -> networks.js (busiest), table.js, explain.js
//   agents, audit            -> agents.js
//   a button                 -> change.js -> the server, and then all of it is looked at again

import { read, readTagged } from "./api.js";
import { showAgents, showChanges } from "./agents.js";
import { begin as beginChange, changeAgent, changeRegion, changeServer } from "./change.js";
import { chart, sentence } from "./chart.js";
import { byId, choices, make } from "./dom.js";
import { begin as beginExplain, explain } from "./explain.js";
import { every } from "./feed.js";
import { askBusiest, findBusiest, heard, known } from "./networks.js";
import { lanesOf, show as showServers, state } from "./servers.js";
import { begin as beginTable, refresh } from "./table.js";
import { begin as beginTail } from "./tail.js";
import { begin as beginToken } from "./token.js";
import { count, lasting } from "./words.js";

/** Seconds between two looks, by how soon a person has to see it. */
const [SOON, OFTEN, SELDOM, RARELY] = [2, 5, 60, 300];
/** The picture follows decisions, but is drawn four times a second at most. */
const DRAW_MS = 250;

let servers = [];
let regions = [];
/** The number of the last change when they were so. */
let etag = null;
/** The same when the agents were as they are shown. */
let agentsEtag = null;
/** What is looked at again when somebody changed something. */
let onChange = [];
let standing = "";
let isDue = false;

const show = chart(byId("chart"), (answer) => (byId("readout").textContent = sentence(answer)), explain);

function paint() {
  isDue = false;
  const answers = known(byId("answers-domain").value);
  show(answers, lanesOf(servers, regions, answers));
  if (byId("readout").textContent === "") byId("readout").textContent = answers.length > 0 ? "Point at a dot." : "No client network is known yet.";
}

function paintSoon() {
  if (!isDue) setTimeout(paint, DRAW_MS);
  isDue = true;
}

function showStatus({ overwatch, cluster_healthy, agents, healthy_agents, backend_summary }) {
  byId("node").textContent = [overwatch.node_id, overwatch.region].filter(Boolean).join(", ");
  byId("health").replaceChildren(cluster_healthy ? state("healthy") : state("unhealthy", "✕"));
  const numbers = [["servers healthy", `${count(backend_summary.healthy)} of ${count(backend_summary.total)}`], ["agents connected", `${count(healthy_agents)} of ${count(agents.length)}`], ["up", lasting(overwatch.uptime_seconds)]];
  byId("numbers").replaceChildren(...numbers.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

async function lookAtStatus() {
  showStatus(await read("/api/v1/cluster/status"));
}

async function lookAtDomains() {
  const { domains } = await read("/api/v1/domains");
  const names = domains.map((domain) => domain.name);
  for (const id of ["answers-domain", "tail-domain", "learned-domain", "explain-domain"]) choices(byId(id), names);
  choices(byId("learned-region"), [...new Set(domains.flatMap((domain) => domain.regions))].sort());
}

const search = () => showServers(servers, regions, (server) => changeServer(server, etag), (region) => changeRegion(region, etag));

async function lookAtAgents() {
  const told = await readTagged("/api/v1/overwatch/agents");
  agentsEtag = told.etag;
  showAgents(told.document.agents, (agent) => changeAgent(agent, agentsEtag));
}

async function lookAtServers() {
  const [told, drains] = await Promise.all([readTagged("/api/v1/overwatch/backends"), read("/api/v1/routing/regions")]);
  const isChanged = etag !== told.etag;
  [servers, regions, etag] = [told.document.backends, drains.regions, told.etag];
  search();
  paintSoon();
  if (isChanged) onChange.forEach((again) => again());
  const now = JSON.stringify([servers.map((one) => [one.address, one.port, one.effective_status, one.drained_share]), regions.map((one) => one.drained_share)]);
  const isNews = standing !== "" && standing !== now;
  standing = now;
  // Clients may go elsewhere now: see where.
  if (isNews) await askBusiest(true, paintSoon);
}

/** Asks for those that are due, and shows them as they come. */
async function lookAtBusiest() {
  await askBusiest(false, paintSoon);
}

async function begin() {
  beginToken();
  byId("answers-domain").addEventListener("change", paint);
  byId("servers-search").addEventListener("input", search);
  new ResizeObserver(paintSoon).observe(byId("chart"));
  // The first one alone: whoever may not read, or no more, is told so once.
  await new Promise((mayRead) => every(OFTEN, "status", () => lookAtStatus().then(mayRead)));
  onChange = [
    every(OFTEN, "agents", lookAtAgents),
    every(SELDOM, "changes", async () => showChanges((await read("/api/v1/overwatch/audit")).lines)),
  ];
  beginChange(every(SOON, "servers", lookAtServers));
  beginTable(every(2 * OFTEN, "table", () => refresh(explain)));
  every(RARELY, "version", async () => (byId("version").textContent = `OpenGSLB ${(await read("/api/v1/version")).version}.`));
  let isFirst = true;
  every(SELDOM, "domains", async () => {
    await lookAtDomains();
    if (isFirst) beginExplain();
    isFirst = false;
  });
  every(RARELY, "busiest", () => findBusiest().then(lookAtBusiest));
  every(OFTEN, "answers", lookAtBusiest);
  await beginTail((decision) => {
    heard(decision);
    paintSoon();
  }, explain);
}

begin();
