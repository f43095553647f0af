// Numbers and times as people read them. Pure functions: what is shown, and what is exact.

const UNITS = ["KiB", "MiB", "GiB", "TiB", "PiB"];

export function size(count) {
  if (count < 1024) return `${Math.round(count)} B`;
  let amount = count / 1024;
  let unit = 0;
  while (amount >= 1000 && unit < UNITS.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return `${amount.toFixed(amount < 100 ? 1 : 0)} ${UNITS[unit]}`;
}

export const exact = (count) => `${count.toLocaleString("en")} bytes`;

export const rate = (perSecond) => `${size(perSecond)}/s`;

// Seconds, in one unit below a minute and two above.
export function span(seconds) {
  const left = Math.max(0, Math.round(seconds));
  if (left < 60) return `${left} s`;
  if (left < 3600) return `${Math.floor(left / 60)} min ${left % 60} s`;
  if (left < 86400) return `${Math.floor(left / 3600)} h ${Math.floor((left % 3600) / 60)} min`;
  return `${Math.floor(left / 86400)} d ${Math.floor((left % 86400) / 3600)} h`;
}

// The same in one unit, for what is only looked at in passing.
export function about(seconds) {
  const left = Math.max(0, Math.round(seconds));
  if (left < 60) return `${left} s`;
  if (left < 3600) return `${Math.floor(left / 60)} min`;
  if (left < 86400) return `${Math.floor(left / 3600)} h`;
  return `${Math.floor(left / 86400)} d`;
}

// Whole percent; never 100 before all of it is there.
export function percent(received, length) {
  return length ? Math.floor((100 * received) / length) : 100;
}

// A moment of Unix time, to the second.
export const instant = (unix) =>
  new Date(unix * 1000).toISOString().replace("T", " ").replace(".000Z", " UTC");

export const count = (number) => number.toLocaleString("en");

export function several(number, one, many) {
  return `${count(number)} ${number === 1 ? one : many}`;
}
