// Asks again and again: only while somebody can see the page, never twice at a time, and less often
// where an answer takes long. Where nobody may read, everything waits for a token.

import { Refused, news } from "./api.js";
import { tell } from "./trouble.js";

/** A server that takes long to answer is asked after so many times as long: a tenth of its time at most. */
const REST = 10;

const waiting = new Set();
let isShut = false;

/** Whether it makes sense to ask. */
export const isOpen = () => !isShut && !document.hidden;

/** Nobody may read without a token. */
export function shut() {
  isShut = true;
}

function wake() {
  if (!isOpen()) return;
  for (const go of [...waiting]) go();
}

news.addEventListener("token", () => {
  isShut = false;
  wake();
});
document.addEventListener("visibilitychange", wake);

/** Pauses for so long; less where something happened for which to look again at once. */
export function pause(seconds) {
  return new Promise((done) => {
    const go = () => {
      clearTimeout(timer);
      waiting.delete(go);
      done();
    };
    // Whoever cannot see it, or may not, waits until that changes.
    const timer = setTimeout(() => isOpen() && go(), seconds * 1000);
    waiting.add(go);
  });
}

/** Carries `task` out now, and again so many seconds after it ended. What it returns does so at once. */
export function every(seconds, name, task) {
  let again = () => {};
  (async () => {
    for (;;) {
      while (!isOpen()) await pause(seconds);
      const began = performance.now();
      try {
        await task();
        tell(name);
      } catch (error) {
        if (error instanceof Refused && error.problem.status === 401) shut();
        tell(name, error);
      }
      const took = (performance.now() - began) / 1000;
      await Promise.race([pause(Math.max(seconds, took * REST)), new Promise((done) => (again = done))]);
    }
  })();
  return () => again();
}
