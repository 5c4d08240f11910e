import {el, fill, page, table} from "./dom.js";
import {get} from "./api.js";
import {ago, commitOf, isTime, mark, rank, strip, when} from "./words.js";

// overview shows all stacks, one a row.
export async function overview(main) {
  const [{stacks}, {runs}] = await Promise.all([get(["stacks"]), get(["runs"], {limit: 500})]);
  const byName = new Map(stacks.map(s => [s.name, s]));
  const runsOf = name => runs.filter(r => r.name === name || (byName.get(name).stack && r.stack === byName.get(name).stack));
  const sentence = el("h1", {});
  const search = el("input", {type: "search", placeholder: "Filter by name, state or commit", "aria-label": "Filter", oninput: draw});
  const rows = el("div", {});
  fill(main, sentence, el("p", {class: "tools"}, search), rows);
  document.title = "reconcile";

  function draw() {
    const all = [...byName.values()];
    sentence.textContent = summary(all);
    const word = search.value.trim().toLowerCase();
    const shown = all.filter(s => !word || [s.name, s.condition, s.revision.id, s.revision.subject, s.sentence].join(" ").toLowerCase().includes(word));
    fill(rows, table("overview", [
      {name: "Stack", class: "wide", sort: s => rank.indexOf(s.condition) + s.name, cell: s => [mark(s.condition, s.sentence), " ",
        el("a", {href: page("stacks", s.name)}, s.name), el("div", {class: "quiet"}, s.sentence)]},
      {name: "Commit", class: "wide", sort: s => s.revision.subject || "", cell: s => commitOf(s.revision.id, s.revision.subject)},
      {name: "Age", sort: s => s.revision.when || "", cell: s => when(s.revision.when)},
      {name: "Drift", sort: s => s.counts.drifted, cell: s => count(s.counts.drifted)},
      {name: "Held", sort: s => s.counts.held, cell: s => count(s.counts.held)},
      {name: "Last runs", cell: s => strip(runsOf(s.name))},
      {name: "Next look", sort: s => s.next, cell: s => when(s.next)},
    ], shown.sort(worstFirst), stacks.length ? "No stack fits the filter." : "The daemon serves no stacks yet, or this token is for none of them."));
  }
  draw();
  return {
    standing: s => { byName.set(s.name, s); draw(); },
    record: r => r.event === "ret" && get(["runs"], {limit: 500}).then(found => { runs.splice(0, runs.length, ...found.runs); draw(); }, () => {}),
  };
}

const worstFirst = (a, b) => rank.indexOf(a.condition) - rank.indexOf(b.condition) || (a.name < b.name ? -1 : 1);

const count = n => n ? String(n) : el("span", {class: "quiet"}, "0");

// happened says of a condition what happened.
const happened = {failed: "failed", unread: "could not be read", unknown: "became unclear", drifted: "drifted", waiting: "began to wait for approval",
  held: "was held", suspended: "was suspended", progressing: "began to change"};

// summary is the sentence on top.
function summary(stacks) {
  const good = stacks.filter(s => s.condition === "synced").length;
  const rest = stacks.filter(s => s.condition !== "synced").sort(worstFirst);
  const said = rest.slice(0, 3).map(s => s.name + " " + happened[s.condition] + (isTime(s.since) ? " " + ago(s.since) : ""));
  if (rest.length > 3) said.push((rest.length - 3) + " more");
  const plural = stacks.length === 1 ? " stack matches Git" : " stacks match Git";
  return good + " of " + stacks.length + plural + (said.length ? "; " + said.join(", ") : "");
}
