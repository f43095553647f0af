// Resend and purge: asked for, confirmed in a dialog, told. What may be done is decided by the
// proxy; the token that goes with it shows that this page has read what the proxy tells.

import { size } from "./format.js";

const find = (id) => document.getElementById(id);

const ACTS = {
  resend: {
    title: (name) => `Send ${name} once more?`,
    text: "The whole request left before, and no answer came: the origin may have had it. Look there first.",
    yes: "Send once more",
    done: (name, said) => `${name}: ${said}`,
  },
  purge: {
    title: (name) => `Remove ${name} for good?`,
    text: "Its bytes and its answer are removed. If its client still sends, that is ended first; a forward that is under way is not interrupted.",
    yes: "Remove for good",
    done: (name, said) => `${name}: ${said}`,
  },
};

let chosen = null;

function ask(act, upload, from) {
  const words = ACTS[act];
  chosen = { act, upload, from };
  find("ask-title").textContent = words.title(upload.name);
  find("ask-text").textContent = words.text;
  find("ask-yes").textContent = words.yes;
  find("ask-yes").className = act === "purge" ? "danger" : "primary";
  describe(upload);
  find("ask").showModal();
}

function describe(upload) {
  const facts = [
    ["Request", `${upload.method} ${upload.path}`.trim() || "cannot be read"],
    ["Received", upload.length === null ? size(upload.received) : `${size(upload.received)} of ${size(upload.length)}`],
    ["Client", upload.client || "not known"],
  ];
  find("ask-upload").replaceChildren(
    ...facts.flatMap(([term, fact]) => {
      const name = document.createElement("dt");
      const value = document.createElement("dd");
      name.textContent = term;
      value.textContent = fact;
      return [name, value];
    }),
  );
}

async function send({ act, upload }, token) {
  try {
    const answer = await fetch(`uploads/${act}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Page-Token": token },
      body: JSON.stringify({ upload: upload.handle }),
      cache: "no-store",
    });
    const { said } = await answer.json();
    return answer.ok ? ACTS[act].done(upload.name, said) : `${upload.name}: not done: ${said}`;
  } catch {
    return `${upload.name}: not known whether it was done: the proxy did not answer`;
  }
}

// `token()` gives the latest one; `told` is given what became of it.
export function listen(table, token, told) {
  const dialog = find("ask");
  table.addEventListener("click", (event) => {
    const pressed = event.target.closest("button[data-act]");
    if (pressed) ask(pressed.dataset.act, pressed.closest("tr").upload, pressed);
  });
  find("ask-no").addEventListener("click", () => dialog.close());
  find("ask-yes").addEventListener("click", async () => {
    const what = chosen;
    dialog.close();
    told(`${what.upload.name}: asked for …`);
    told(await send(what, token()));
  });
  dialog.addEventListener("close", () => {
    const from = chosen?.from;
    if (from?.isConnected && !from.hidden) from.focus();
    else find("uploads").focus();
  });
}
