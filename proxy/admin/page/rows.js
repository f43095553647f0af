// The rows of both tables. What is told goes in as text and never as markup; a row that is
// still there is changed in place, so that neither focus nor a selection is lost.

import { about, exact, instant, percent, rate, size, span } from "./format.js";

const STATES = {
  created: "Begun",
  receiving: "Receiving",
  interrupted: "Waits for its client",
  complete: "Waits for the origin",
  forwarding: "Being sent on",
  unknown: "Unknown outcome",
  responded: "Answered",
  damaged: "Damaged",
};

const OUTCOMES = {
  origin_answered: "Answered",
  origin_unreached: "Origin not reached",
  origin_cut: "Cut, surely not seen whole",
  origin_lost: "Unknown: no answer came",
  origin_lost_repeatable: "No answer came; repeated",
  forward_denied: "Not let through",
  auth_silent: "Nobody said whether it may go",
  body_doubted: "Body in doubt",
  spool_lost: "Body lost",
  cancel_asked: "Given up by its client",
};

const STALLED_S = 5;

function element(name, className) {
  const made = document.createElement(name);
  if (className) made.className = className;
  return made;
}

// Only what differs is touched: a screen reader is not told what it knows.
export function say(where, text, title = "") {
  if (where.textContent !== text) where.textContent = text;
  if (where.title !== title) where.title = title;
}

function cell(row, label, className) {
  const made = element("td", className);
  made.setAttribute("role", "cell");
  made.dataset.label = label;
  row.append(made);
  return made;
}

function lines(parent) {
  const first = element("span", "first");
  const second = element("span", "fine");
  parent.append(first, second);
  return [first, second];
}

function heading(row) {
  const made = element("th");
  made.scope = "row";
  made.setAttribute("role", "rowheader");
  row.append(made);
  return lines(made);
}

function button(text, act) {
  const made = element("button");
  made.type = "button";
  made.dataset.act = act;
  made.textContent = text;
  return made;
}

function uploadRow(key) {
  const row = element("tr");
  row.setAttribute("role", "row");
  row.dataset.key = key;
  const parts = { name: heading(row), state: lines(cell(row, "State", "state")) };
  const progress = cell(row, "Progress", "progress");
  parts.bar = element("progress");
  progress.append(parts.bar);
  parts.progress = lines(progress);
  parts.rate = cell(row, "Rate", "number");
  parts.left = cell(row, "Left", "number");
  parts.client = lines(cell(row, "Client", "client"));
  parts.age = cell(row, "Age", "number");
  parts.cuts = cell(row, "Cuts", "number");
  const acts = cell(row, "", "acts");
  parts.resend = button("Resend…", "resend");
  parts.purge = button("Purge…", "purge");
  acts.append(parts.resend, parts.purge);
  row.parts = parts;
  return row;
}

function fillUpload(row, told, now, mayAct) {
  const parts = row.parts;
  row.upload = told;
  row.dataset.group = told.group;
  row.dataset.state = told.state;
  say(parts.name[0], told.name);
  say(parts.name[1], `${told.method} ${told.path}`.trim(), told.path);
  say(parts.state[0], stateOf(told));
  say(parts.state[1], detailOf(told, now));
  fillProgress(parts, told);
  const moves = told.state === "receiving" && told.rate !== null;
  say(parts.rate, moves ? rate(told.rate) : "–", moves ? `${exact(told.rate)} a second` : "");
  say(parts.left, told.left_s === null ? "–" : span(told.left_s));
  say(parts.client[0], told.client || "–");
  const version = told.version === null ? "no version" : `version ${told.version}`;
  say(parts.client[1], told.route && told.route !== "default" ? `${version}, ${told.route}` : version);
  say(parts.age, about(now - told.created), `created ${instant(told.created)}`);
  say(parts.cuts, `${told.cuts}${told.cuts_are_more ? "+" : ""}`);
  parts.resend.hidden = !(mayAct && told.resend);
  parts.purge.hidden = !mayAct;
  name(parts.resend, `Resend ${told.name}`);
  name(parts.purge, `Purge ${told.name}`);
}

function name(what, label) {
  if (what.getAttribute("aria-label") !== label) what.setAttribute("aria-label", label);
}

function stateOf(told) {
  const words = STATES[told.state] ?? told.state;
  return told.state === "responded" && told.status !== null ? `${words} with ${told.status}` : words;
}

function detailOf(told, now) {
  if (told.state === "receiving") {
    const quiet = told.grew === null ? 0 : now - told.grew;
    if (told.rate !== null && quiet >= STALLED_S) return `nothing came for ${about(quiet)}`;
    return told.rate === 0 && told.grew === null ? "nothing comes just now" : "its client sends";
  }
  if (told.state === "interrupted") return `for ${about(now - told.active)}: ${told.said}`;
  if (told.state === "responded") return `${about(now - told.active)} ago`;
  return told.said;
}

function fillProgress(parts, told) {
  const known = told.length !== null;
  parts.bar.hidden = !known;
  if (!known) {
    say(parts.progress[0], `${size(told.received)} so far`, exact(told.received));
    say(parts.progress[1], "");
    return;
  }
  const part = percent(told.received, told.length);
  parts.bar.max = Math.max(1, told.length);
  parts.bar.value = told.length ? told.received : 1;
  name(parts.bar, `${part} percent received`);
  say(parts.progress[0], `${part} %`);
  const whole = told.received === told.length;
  say(
    parts.progress[1],
    whole ? size(told.length) : `${size(told.received)} of ${size(told.length)}`,
    whole ? exact(told.length) : `${exact(told.received)} of ${exact(told.length)}`,
  );
}

function forwardRow(key) {
  const row = element("tr");
  row.setAttribute("role", "row");
  row.dataset.key = key;
  row.parts = {
    name: heading(row),
    outcome: lines(cell(row, "Outcome", "state")),
    size: cell(row, "Size", "number"),
    took: cell(row, "Took", "number"),
    attempt: cell(row, "Attempt", "number"),
    client: cell(row, "Client", "client"),
    when: cell(row, "When", "number"),
  };
  return row;
}

function fillForward(row, told, now) {
  const parts = row.parts;
  const words = OUTCOMES[told.outcome] ?? told.outcome.replaceAll("_", " ");
  row.dataset.outcome = told.status === null ? told.outcome : told.status < 400 ? "good" : "refused";
  say(parts.name[0], told.name);
  say(parts.name[1], `${told.method} ${told.path}`, told.path);
  say(parts.outcome[0], told.status === null ? words : `${words} with ${told.status}`);
  say(parts.outcome[1], told.why);
  say(parts.size, size(told.size), exact(told.size));
  say(parts.took, told.took_s === null ? "–" : took(told.took_s));
  say(parts.attempt, `${told.attempt}`);
  say(parts.client, told.client || "–");
  say(parts.when, `${about(now - told.at)} ago`, instant(told.at));
}

function took(seconds) {
  if (seconds < 1) return `${Math.max(1, Math.round(1000 * seconds))} ms`;
  return seconds < 10 ? `${seconds.toFixed(1)} s` : span(seconds);
}

// Has `body` show `all`, in their order; rows are found again by `keyOf`.
function fill(body, all, keyOf, make, change) {
  const before = new Map([...body.rows].map((row) => [row.dataset.key, row]));
  const focused = document.activeElement;
  let next = body.firstElementChild;
  for (const told of all) {
    const key = keyOf(told);
    const row = before.get(key) ?? make(key);
    before.delete(key);
    change(row, told);
    if (row === next) next = next.nextElementSibling;
    else body.insertBefore(row, next);
  }
  for (const row of before.values()) row.remove();
  if (focused !== document.activeElement && focused?.isConnected) focused.focus();
}

export function showUploads(body, uploads, now, mayAct) {
  fill(body, uploads, (told) => told.handle, uploadRow, (row, told) => fillUpload(row, told, now, mayAct));
}

export function showForwards(body, forwards, now) {
  const keyOf = (told) => `${told.name} ${told.at} ${told.attempt} ${told.outcome}`;
  fill(body, forwards, keyOf, forwardRow, (row, told) => fillForward(row, told, now));
}
