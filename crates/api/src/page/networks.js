// What is answered where: for each client network and domain the last decision that is known. The live
// decisions tell it as it happens; for the networks with the most connections it is asked, so that a quiet
// name has a picture too. It holds few hundred networks, never the whole table.

import { read } from "./api.js";

/** Networks that are known at a time: more dots than this say nothing. Whoever was silent longest goes. */
const NETWORKS_MAX = 400;
/** Networks that are asked for: one question a second, as they are asked anew each minute. */
const BUSIEST = 60;
/** Rows that are looked at for those: a network has one for each region that it was measured in. */
const ROWS = 300;
/** Questions on their way at a time: others want to ask too. */
const AT_A_TIME = 2;
/** How long an answer is taken as it was. */
const FRESH_MS = 60_000;

const answers = new Map();
let busiest = [];

const keyOf = ({ domain, network }) => `${domain} ${network}`;

function learn(answer) {
  const key = keyOf(answer);
  const before = answers.get(key);
  // At the end of the order: whoever is first was silent longest.
  answers.delete(key);
  answers.set(key, { ...answer, count: (before?.count ?? 0) + 1, at: Date.now() });
  if (answers.size > NETWORKS_MAX) answers.delete(answers.keys().next().value);
}

/** All that are known, of one domain or of all. */
export const known = (domain) => [...answers.values()].filter((one) => !domain || one.domain === domain);

/** A decision was made. */
export function heard({ client, domain, region, reason, server, rtt_us }) {
  learn({ network: client, domain, region, reason, server, rtt_us });
}

/** Finds out which networks have the most connections. This looks at the whole table: do it rarely. */
export async function findBusiest() {
  const { entries } = await read("/api/v1/overwatch/latency", { sort: "-samples", limit: ROWS });
  const found = new Map(entries.map(({ subnet, domain }) => [`${domain} ${subnet}`, { network: subnet, domain }]));
  busiest = [...found.values()].slice(0, BUSIEST);
}

async function ask({ network, domain }) {
  const told = await read("/api/v1/routing/explain", { domain, client: network });
  const { region, reason, addresses } = told.decision;
  const chosen = told.candidates.find((one) => one.chosen);
  learn({ network, domain, region, reason, server: addresses[0], rtt_us: chosen?.estimate?.rtt_us });
}

/** Asks for those of which nothing was heard for a while; for all with `isAll`. Each answer is told. */
export async function askBusiest(isAll, onAnswer) {
  const old = Date.now() - FRESH_MS;
  const due = busiest.filter((one) => isAll || !(answers.get(keyOf(one))?.at > old));
  const next = async () => {
    for (let one = due.shift(); one; one = due.shift()) await ask(one).then(onAnswer);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, next));
}
