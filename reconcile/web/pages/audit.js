import {el, fill, table} from "./dom.js";
import {get} from "./api.js";
import {mark} from "./words.js";
import {recordTable} from "./run.js";

const most = 2000;

// audit searches the journals, and checks what it found against its hashes.
export async function audit(main) {
  document.title = "audit · reconcile";
  const {heads} = await get(["heads"]);
  const verdict = el("h1", {}), found = el("section", {});
  const field = (name, label, type, value) => el("label", {}, label, el("input", {name, type, value: value || "", autocomplete: "off"}));
  const day = new Date(Date.now() - 7 * 86400e3).toISOString().slice(0, 10);
  const form = el("form", {class: "search", onsubmit: e => { e.preventDefault(); look(); }},
    field("stack", "Stack", "search"), field("key", "Key", "search"), field("jid", "Run", "search"), field("since", "From", "date", day), field("until", "To", "date"),
    el("button", {type: "submit", class: "main"}, "Search"));
  fill(main, verdict, form, found, el("h2", {}, "Ends of the journals"), table("heads", [
    {name: "Stack", sort: h => h.stack, cell: h => h.stack === "*" ? "all stacks" : h.stack},
    {name: "Records", sort: h => h.count, cell: h => String(h.count)},
    {name: "Hash of the last one", class: "wide", cell: h => el("code", {}, h.head)},
  ], heads, "There is no journal yet."));

  async function look() {
    const q = Object.fromEntries(new FormData(form));
    for (const name of ["since", "until"]) if (q[name]) q[name] += "T00:00:00Z";
    fill(found, el("p", {class: "quiet"}, "Searching."));
    try {
      const {records} = await get(["records"], {...q, limit: most});
      fill(verdict, await judge(records));
      fill(found, records.length === most && el("p", {}, "These are the first " + most + "; narrow the search for the rest."),
        recordTable(records.reverse(), "No record fits."));
    } catch (refused) {
      fill(verdict, mark("failed"), " The records could not be read");
      fill(found, el("p", {class: "note bad"}, refused.message));
    }
  }
  await look();
  return {};
}

// judge checks each record against its own hash, and those that follow each
// other against the hash before.
async function judge(records) {
  if (!globalThis.crypto || !crypto.subtle) return ["Hashes are not checked here, as this page came without TLS; ", el("code", {}, "reconcile audit verify"), " does."];
  const before = new Map();
  for (const r of records) {
    const last = before.get(r.stack);
    const wrong = await digest(r) !== r.hash || (last && last.seq + 1 === r.seq && last.hash !== r.prev);
    if (wrong) return [mark("failed"), " Record " + r.seq + " of " + r.stack + " is not as it was written"];
    before.set(r.stack, r);
  }
  return [mark("synced"), " " + records.length + (records.length === 1 ? " record is as it was written" : " records are as they were written")];
}

async function digest(record) {
  const {hash, ...rest} = record;
  const text = new TextEncoder().encode(canonical(rest));
  const prev = record.prev ? Uint8Array.from(record.prev.replace("sha256:", "").match(/../g), h => parseInt(h, 16)) : new Uint8Array();
  const both = new Uint8Array(prev.length + text.length);
  both.set(prev);
  both.set(text, prev.length);
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", both));
  return "sha256:" + [...sum].map(b => b.toString(16).padStart(2, "0")).join("");
}

// canonical is JSON as RFC 8785 has it.
function canonical(value) {
  if (Array.isArray(value)) return "[" + value.map(canonical).join(",") + "]";
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return "{" + Object.keys(value).sort().map(k => JSON.stringify(k) + ":" + canonical(value[k])).join(",") + "}";
}
