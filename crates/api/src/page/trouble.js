// Shows what went wrong, in the words of the problem that the server wrote.

import { byId, make } from "./dom.js";
import { Refused } from "./api.js";

/** What stands at the top, by where it came from: the same words are shown once. */
const standing = new Map();

/** What there is to show of an error. */
function lines(error) {
  // What `fetch` throws where nobody answers.
  if (error instanceof TypeError) return ["The server does not answer", error.message];
  if (!(error instanceof Refused)) return [error.message];
  const { title, detail, faults = [] } = error.problem;
  return [title, detail, ...faults];
}

function paragraphs([title, ...rest]) {
  return [make("strong", {}, title), ...rest.map((line) => make("p", {}, line))];
}

/** Says at the top of the page that something does not work; nothing where it works again. */
export function tell(source, error) {
  const before = [...standing.values()].join();
  if (error) standing.set(source, JSON.stringify(lines(error)));
  else standing.delete(source);
  if ([...standing.values()].join() === before) return;
  const shown = [...new Set(standing.values())].map((text) => make("div", { class: "trouble" }, ...paragraphs(JSON.parse(text))));
  byId("trouble").replaceChildren(...shown);
}

/** The same inside a form, where it belongs to what was just tried. */
export function tellIn(place, error) {
  place.hidden = !error;
  place.replaceChildren(...(error ? paragraphs(lines(error)) : []));
}
