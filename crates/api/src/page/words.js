// How figures and times are written. The words for states and reasons are the server's own, and are
// shown as they come.

/** Milliseconds, as exact as they mean something; nothing where nothing is known. */
export function ms(rtt_us) {
  if (rtt_us === undefined || rtt_us === null) return "";
  const value = rtt_us / 1000;
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ms`;
}

/** The time of day of an RFC 3339 time, and the day where it is not today. */
export function time(text) {
  if (!text) return "";
  const [day, rest] = text.split("T");
  const clock = rest.slice(0, 8);
  return day === new Date().toISOString().slice(0, 10) ? clock : `${day} ${clock}`;
}

export const percent = (share) => `${Math.round(share * 1000) / 10} %`;

export const count = (number) => number.toLocaleString("en");

/** As in `3 networks`. */
export const many = (number, one, more = `${one}s`) => `${count(number)} ${number === 1 ? one : more}`;

/** A length of time in its largest whole unit. */
export function lasting(seconds) {
  for (const [unit, length] of [["d", 86400], ["h", 3600], ["min", 60]]) {
    if (seconds >= length) return `${Math.floor(seconds / length)} ${unit}`;
  }
  return `${seconds} s`;
}

/** Why, who, since and until when: what an operator said, as the command line writes it. */
export function said({ reason, by, since, until }) {
  const parts = [reason, by && `by ${by}`, since && `since ${time(since)}`, until && `until ${time(until)}`];
  return parts.filter(Boolean).join(", ");
}

/** An address and a port as one. */
export const socket = (address, port) => (address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`);

/** The least of each colour, in milliseconds: where a person begins to feel it (20), where a page of a
 *  few round trips feels slow (100), where it is another continent (200). */
export const BANDS_MS = [0, 20, 50, 100, 200];

/** The number of a time's colour; nothing where nothing is known. */
export function band(rtt_us) {
  if (rtt_us === undefined || rtt_us === null) return undefined;
  return BANDS_MS.findLastIndex((least) => rtt_us / 1000 >= least);
}
