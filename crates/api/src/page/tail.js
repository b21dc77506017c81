// The live decisions: the last few, as the server sends them, and how many there are in a second. The server
// leaves out what nobody could read, and says how many.

import { Refused, events } from "./api.js";
import { isOpen, pause, shut } from "./feed.js";
import { byId, keep, make, row } from "./dom.js";
import { tell } from "./trouble.js";
import { band, count, many, ms, time } from "./words.js";

const SHOWN_MAX = 12;
/** Decisions of the last so many seconds make the pace. */
const PACE_S = 10;
/** The picture is drawn anew twice a second at most: more often nobody reads it. */
const DRAW_MS = 500;
/** Before it is tried again to listen. */
const AGAIN_S = 5;

let shown = [];
let left = 0;
let number = 0;
let seconds = [];
let isPaused = false;
let isDue = false;
let stop = null;

function take(decision) {
  const second = Math.floor(Date.now() / 1000);
  if (seconds.at(-1)?.second !== second) seconds.push({ second, made: 0 });
  seconds.at(-1).made += 1 + decision.left_out;
  left += decision.left_out;
  number += 1;
  shown = [{ ...decision, number }, ...shown].slice(0, SHOWN_MAX);
}

function line({ at, client, domain, region, server, reason, rtt_us }, onChoose) {
  const chosen = () => onChoose({ network: client, domain });
  const name = make("button", { type: "button", class: "link", title: `Explain ${domain} for ${client}`, onclick: chosen }, client);
  const colour = band(rtt_us);
  const dot = make("span", { class: `dot ${colour === undefined ? "unknown" : `band${colour}`}`, "aria-hidden": "true" });
  return row({}, ["time", time(at)], ["network", name], ["where", region ?? "nowhere"], ["server", server ?? ""], ["reason", make("code", {}, reason)], ["number rtt", dot, ` ${ms(rtt_us) || "–"}`]);
}

function show(onChoose) {
  const now = Math.floor(Date.now() / 1000);
  seconds = seconds.filter(({ second }) => second > now - PACE_S);
  const made = seconds.reduce((sum, one) => sum + one.made, 0);
  byId("pace").textContent = isPaused ? "paused" : made > 0 ? `${count(Math.ceil(made / PACE_S))} a second` : "silent";
  byId("tail-note").textContent = left > 0 ? `${many(left, "decision")} left out` : shown.length === 0 ? "nobody has asked since this page is open" : "";
  keep(document.querySelector("#tail tbody"), shown, (one) => one.number, (one) => line(one, onChoose));
}

const query = () => ({ domain: byId("tail-domain").value, prefix: byId("tail-prefix").value.trim() });

async function listen(onDecision, draw) {
  stop = new AbortController();
  for await (const decision of events("/api/v1/decisions", query(), stop.signal, () => tell("decisions"))) {
    onDecision(decision);
    if (isPaused) continue;
    take(decision);
    if (isDue) continue;
    isDue = true;
    setTimeout(draw, DRAW_MS);
  }
}

/** Listens for as long as the page can be seen. */
export async function begin(onDecision, onChoose) {
  const draw = () => {
    isDue = false;
    show(onChoose);
  };
  setInterval(draw, 1000);
  byId("tail-pause").addEventListener("click", () => {
    isPaused = !isPaused;
    byId("tail-pause").setAttribute("aria-pressed", isPaused);
    draw();
  });
  byId("tail-filter").addEventListener("submit", (event) => {
    event.preventDefault();
    [shown, left] = [[], 0];
    stop?.abort("another filter");
  });
  document.addEventListener("visibilitychange", () => document.hidden && stop?.abort("nobody looks"));
  for (;;) {
    try {
      if (isOpen()) await listen(onDecision, draw);
    } catch (error) {
      if (error instanceof Refused && error.problem.status === 401) shut();
      if (!stop.signal.aborted) tell("decisions", error);
    }
    const isAnotherFilter = stop?.signal.reason === "another filter";
    if (!isAnotherFilter) await pause(AGAIN_S);
    stop = null;
  }
}
