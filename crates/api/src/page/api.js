// Asks the API, with the token if there is one. A refusal is the problem that the server wrote: this file
// makes no words of its own for it. The token stands in sessionStorage and in requests, nowhere else.

const KEY = "opengslb-token";
/** Requests on their way at a time. Ten wrong tokens shut an address out, so no more than a few may be under
 *  way when a token is revoked; and a browser has six connections for a server, one of which listens. */
const AT_A_TIME = 4;

let underWay = 0;
const queue = [];

/** What the server said instead of doing it (RFC 9457). */
export class Refused extends Error {
  constructor(problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** Tells `token` when there is another one, and `refused` with the problem when the server does not
 *  know it: it is forgotten then. */
export const news = new EventTarget();

export const token = {
  held: () => sessionStorage.getItem(KEY),
  keep(text) {
    sessionStorage.setItem(KEY, text);
    news.dispatchEvent(new Event("token"));
  },
  forget() {
    sessionStorage.removeItem(KEY);
    news.dispatchEvent(new Event("token"));
  },
};

async function refusal(answer, sent) {
  const isProblem = answer.headers.get("Content-Type")?.startsWith("application/problem+json");
  const problem = isProblem
    ? await answer.json()
    : { title: answer.statusText, status: answer.status, detail: await answer.text() };
  if (answer.status === 401 && sent && token.held() === sent) {
    token.forget();
    news.dispatchEvent(new CustomEvent("refused", { detail: problem }));
  }
  return new Refused(problem);
}

/** Waits for its turn. The token is looked at then, not before. */
async function send(...asked) {
  if (underWay >= AT_A_TIME) await new Promise((go) => queue.push(go));
  else underWay += 1;
  try {
    return await sendNow(...asked);
  } finally {
    // Its place goes to the next one, if there is any.
    if (queue.length > 0) queue.shift()();
    else underWay -= 1;
  }
}

async function sendNow(method, path, { query = {}, body, etag, signal, as } = {}) {
  const url = new URL(path, location.origin);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") url.searchParams.set(name, value);
  }
  const held = as ?? token.held();
  const headers = {};
  if (held) headers.Authorization = `Bearer ${held}`;
  if (body) headers["Content-Type"] = "application/json";
  if (etag) headers["If-Match"] = etag;
  const answer = await fetch(url, { method, headers, signal, body: body && JSON.stringify(body), cache: "no-store" });
  if (!answer.ok) throw await refusal(answer, held);
  return answer;
}

/** A document. */
export const read = async (path, query) => (await send("GET", path, { query })).json();

/** Keeps a token that the server knows; one that it does not know is refused. */
export async function keepToken(text) {
  await send("GET", "/api/v1/cluster/status", { as: text });
  token.keep(text);
}

/** Something that is kept as a file. */
export const readFile = async (path, query) => (await send("GET", path, { query })).blob();

/** A document, and the number of the last change when it was told. */
export async function readTagged(path) {
  const answer = await send("GET", path);
  return { document: await answer.json(), etag: answer.headers.get("ETag") };
}

/** Does something; with an `etag` only if nothing was changed since. */
export const change = (method, path, wanted) => send(method, path, wanted);

/** What comes as server-sent events, until either end stops; `onOpen` is told when the server listens. */
export async function* events(path, query, signal, onOpen) {
  const answer = await send("GET", path, { query, signal });
  onOpen();
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const data = part.split("\n").find((line) => line.startsWith("data: "));
      if (data) yield JSON.parse(data.slice(6));
    }
  }
}

/** A path of parts that may hold anything. */
export const path = (...parts) => `/api/v1/${parts.map(encodeURIComponent).join("/")}`;
