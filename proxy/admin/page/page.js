// The uploads page: asks the proxy every second how things stand, and shows that. It asks less
// often when nobody looks, says so when nobody answers, and goes on by itself.

import { listen } from "./acts.js";
import { count, exact, percent, rate, several, size, span } from "./format.js";
import { say, showForwards, showUploads } from "./rows.js";

const EVERY_MS = 1000;
const LONGEST_MS = 8000;
const ANSWER_MS = 6000;
const SPOKEN_MS = 8000;

const find = (id) => document.getElementById(id);
const filter = find("filter");

let shown = null; // what was told last
let tag = ""; // of that
let ahead = 0; // seconds by which the clock of the proxy is before ours
let failures = 0;
let timer = 0;
let asking = null; // what ends the question that is under way
let seenAt = 0; // when the proxy answered last

const now = () => Date.now() / 1000 + ahead;

function wish() {
  const asked = new URLSearchParams({ group: filter.elements.group.value, search: find("search").value.trim() });
  return `uploads/now?${asked}`;
}

async function look() {
  clearTimeout(timer);
  asking?.abort();
  const mine = (asking = new AbortController());
  const late = setTimeout(() => mine.abort("late"), ANSWER_MS);
  try {
    const answer = await fetch(wish(), {
      headers: tag ? { "If-None-Match": tag } : {},
      cache: "no-store",
      signal: mine.signal,
    });
    if (answer.status !== 304) {
      if (!answer.ok) throw new Error((await answer.text()).trim());
      shown = await answer.json();
      tag = answer.headers.get("ETag") ?? "";
    }
    answered(answer.headers.get("Date"));
  } catch (failure) {
    if (mine !== asking) return; // a newer question has taken its place
    failed(failure);
  } finally {
    clearTimeout(late);
  }
  if (mine === asking) again();
}

function again() {
  clearTimeout(timer);
  const pause = failures ? Math.min(EVERY_MS * 2 ** (failures - 1), LONGEST_MS) : EVERY_MS;
  if (!document.hidden) timer = setTimeout(look, pause);
}

function answered(date) {
  const theirs = Date.parse(date ?? "") / 1000;
  if (theirs && Math.abs(theirs - now()) > 1.5) ahead = theirs - Date.now() / 1000;
  if (failures) speak("The proxy answers again.");
  failures = 0;
  seenAt = now();
  show();
}

function failed(failure) {
  failures += 1;
  if (failures === 2) speak("The proxy does not answer. It is asked again and again.");
  const refused = failure instanceof Error && failure.name === "Error" ? failure.message : "";
  link("lost", seenAt ? `No answer for ${span(now() - seenAt)} – trying again` : "No answer – trying again");
  notice(refused || (failures > 1 ? "The proxy does not answer. What is shown here is how things stood before." : ""));
}

function link(state, words) {
  find("link").dataset.link = state;
  document.body.dataset.link = state;
  say(find("link"), words);
}

function notice(words) {
  find("notice").hidden = !words;
  say(find("notice"), words);
}

let quiet = 0;
function speak(words) {
  // Rarely, and what matters: who listens is not told every second how many bytes there are.
  find("said").textContent = words;
  clearTimeout(quiet);
  find("said").className = "toast";
  quiet = setTimeout(() => (find("said").className = "unseen"), SPOKEN_MS);
}

function show() {
  link("live", shown.draining ? "Live – draining" : "Live");
  notice(shown.trouble ? `The spool cannot be read: ${shown.trouble}` : "");
  showSums();
  showSpool();
  showList();
  const { forwards } = shown;
  find("forwards").hidden = !forwards.length;
  find("no-forwards").hidden = forwards.length > 0;
  showForwards(find("forwards").tBodies[0], forwards, now());
}

function showSums() {
  const { counts, totals, uploads } = shown;
  say(find("sum-flight"), count(counts.flight));
  const rates = uploads.map((one) => one.rate ?? 0).reduce((sum, one) => sum + one, 0);
  say(find("sum-rate"), counts.flight ? `${rate(rates)} coming in` : "nothing moves");
  say(find("sum-waiting"), count(counts.waiting));
  const before = Number(find("sum-trouble").dataset.count ?? counts.trouble);
  if (counts.trouble > before) speak(`${several(counts.trouble, "upload", "uploads")} of unknown outcome.`);
  find("sum-trouble").dataset.count = counts.trouble;
  say(find("sum-trouble"), count(counts.trouble));
  say(find("sum-trouble-words"), counts.trouble ? "look at the origin, then resend or purge" : "nothing to look after");
  find("sum-trouble-box").dataset.trouble = counts.trouble > 0;
  say(find("sum-saved"), size(totals.saved), exact(totals.saved));
  say(find("sum-resumptions"), `${several(totals.resumptions, "resumption", "resumptions")} after ${several(totals.cuts, "cut", "cuts")}`);
  say(find("totals"), totalsInWords(totals));
  document.title = counts.trouble ? `(${counts.trouble}) Uploads` : "Uploads";
}

function totalsInWords(totals) {
  const told = [
    `Within ${span(now() - totals.since)}: ${several(totals.started, "upload", "uploads")} begun`,
    `${count(totals.delivered)} delivered`,
    `${count(totals.rejected_by_origin)} refused by the origin`,
    `${count(totals.failed + totals.expired + totals.cancelled)} ended otherwise`,
    `${size(totals.received)} in requests that are over`,
    `${size(totals.forwarded)} sent on`,
  ];
  if (totals.workers !== 1) told.push(several(totals.workers, "worker serves", "workers serve"));
  return told.join(" · ");
}

function showSpool() {
  const { used, promised, quota, left } = shown.spool;
  const whole = quota ?? (left === null ? null : used + promised + left);
  say(find("sum-spool"), whole === null ? size(used) : `${size(used)} of ${size(whole)}`, exact(used));
  find("spool-bar").hidden = whole === null;
  find("spool-bar").max = Math.max(1, whole ?? 1);
  find("spool-bar").value = used;
  const room = left === null ? "no bound" : `room for ${size(left)}`;
  if (whole) find("spool-bar").ariaValueText = `${percent(used, whole)} percent`;
  say(find("sum-room"), `${room}${promised ? ` beside ${size(promised)} promised` : ""}`);
}

function showList() {
  const { counts, uploads, matching, unlisted, acts } = shown;
  const all = counts.flight + counts.trouble + counts.waiting + counts.ended;
  for (const place of filter.querySelectorAll("[data-count]")) {
    const group = place.dataset.count;
    say(place, count(group ? counts[group] : all));
  }
  find("list").hidden = !uploads.length;
  find("list").dataset.acts = acts;
  find("none").hidden = all > 0 || shown.read === null;
  find("unmatched").hidden = !(all > 0 && !uploads.length);
  showUploads(find("list").tBodies[0], uploads, now(), acts);
  say(find("list-note"), noteOf(uploads.length, matching, unlisted, acts));
}

function noteOf(rows, matching, unlisted, acts) {
  const told = [];
  if (matching > rows) told.push(`The first ${count(rows)} of ${count(matching)}: search for the others.`);
  if (unlisted) told.push(`${count(unlisted)} more are counted, and not listed.`);
  if (shown.read === null) told.push("The spool is being read: there may be more.");
  else if (now() - shown.read > 5) told.push(`What waits and has ended: as read ${span(now() - shown.read)} ago.`);
  if (!acts) told.push("Here uploads are only looked at: see admin.page.");
  return told.join(" ");
}

const HEADINGS = { "": "All uploads", flight: "In flight", trouble: "Unknown outcome", waiting: "Waiting", ended: "Ended" };

async function filtered() {
  say(find("uploads-heading"), HEADINGS[filter.elements.group.value]);
  tag = "";
  await look();
  if (shown) find("said").textContent = several(shown.matching, "upload", "uploads");
}

let typing = 0;
find("search").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(filtered, 200);
});
filter.addEventListener("change", (event) => event.target.type === "radio" && filtered());
filter.addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : look()));
listen(find("list"), () => shown?.token ?? "", (words) => {
  speak(words);
  look();
});
say(find("where"), location.host);
look();
