import {ask, el, facts, fill, page, table} from "./dom.js";
import {get, maybe, post, text} from "./api.js";
import {actions, actor, commitOf, elapsed, isTime, mark, may, runSentence, span, when} from "./words.js";

// run shows one run: how it ended, and its steps on one scale of time.
export async function run(main, me, [jid, part, file]) {
  let [r, {records}] = await Promise.all([get(["runs", jid]), get(["records"], {jid, limit: 10000})]);
  document.title = jid + " · reconcile";
  const open = new Set();

  function draw() {
    const steps = stepsOf(records), span0 = scale(r, steps);
    fill(main,
      el("p", {class: "where"}, el("a", {href: page("stacks", r.name || r.stack)}, r.name || r.stack), " · ", r.job_type === "check" ? "check" : "run"),
      el("h1", {}, mark(r.status, runSentence(r)), " ", jid),
      el("p", {class: "sentence"}, r.status, r.job_explanation ? ": " + r.job_explanation : ""),
      el("p", {class: "recap"}, recap(r)),
      facts([["Launched by", r.launch_type], ["Asked by", actor(r.actor)], ["Commit", commitOf(r.scm_revision, r.scm_subject)], ["Author", r.scm_author],
        ["Started", when(r.started)], ["Took", isTime(r.started) && span(elapsed(r))], ["Approved by", (r.approved_by || []).join(", ")],
        ["Relaunch of", r.parent && el("a", {href: page("runs", r.parent)}, r.parent)], ["Only", (r.limit || []).join(", ")],
        ["Files", (r.artefacts || []).map(name => [el("a", {href: page("runs", jid, "files", name)}, name), " "])]]),
      buttons(), el("h2", {}, "Steps"), stepTable(steps, span0), part === "files" && el("section", {id: "file"}));
    if (part === "files") showFile();
  }

  function buttons() {
    const list = [];
    if (may(me, "operate") && (r.status === "running" || r.status === "waiting")) list.push(el("button", {type: "button", onclick: () => order("cancel", "Cancel this run")}, "Cancel"));
    if (may(me, "operate") && (r.status === "failed" || r.status === "error")) list.push(el("button", {type: "button", onclick: () => order("relaunch", "Try again what failed")}, "Relaunch what failed"));
    return list.length > 0 && el("p", {class: "buttons"}, list);
  }

  async function order(verb, title) {
    const said = await ask(title, "", [{name: "reason", label: "Why (may be empty)"}], title);
    if (!said) return;
    let line = "Told.", bad = false;
    try {
      await post(["orders"], {verb, stack: r.stack, value: jid, reason: said.reason});
    } catch (refused) {
      [line, bad] = [refused.message, true];
    }
    main.append(el("p", {class: bad ? "note bad" : "note", role: "status"}, line));
  }

  async function showFile() {
    const body = await maybe(text(["runs", jid, "artefacts", file]));
    fill(main.querySelector("#file"), el("h2", {}, file), body === null ? el("p", {class: "quiet"}, "It is not kept any more.") : el("pre", {tabindex: "0"}, body));
  }

  function stepTable(steps, [start, length]) {
    const columns = [
      {name: "Step", class: "wide", sort: s => s.at, cell: s => [el("button", {type: "button", class: "open", "aria-expanded": String(open.has(s.id)), onclick: e => {
        if (!open.delete(s.id)) open.add(s.id);
        e.currentTarget.setAttribute("aria-expanded", String(open.has(s.id)));
        e.currentTarget.closest("tr").nextElementSibling.hidden = !open.has(s.id);
      }}, mark(s.outcome, s.outcome), "\u00a0", actions[s.action] || " ", "\u00a0", s.key)]},
      {name: "What came of it", class: "wide", cell: s => s.comment},
      {name: "Took", sort: s => s.took, cell: s => s.ended ? span(s.took) : "running"},
      {name: "Time", class: "bar", cell: s => bar((s.at - start) / length, s.took / length, s.outcome)},
    ];
    columns.more = s => el("tr", {class: "more", hidden: !open.has(s.id)}, el("td", {colspan: "4"}, details(s)));
    return table("steps", columns, steps, records.length ? "No step was taken." : "Nothing is recorded yet.");
  }

  draw();
  const refresh = async () => {
    [r, {records}] = await Promise.all([get(["runs", jid]), get(["records"], {jid, limit: 10000})]);
    draw();
  };
  return {record: e => e.jid === jid && refresh(), standing: s => s.name === r.name && refresh()};
}

// recap is the line that AWX ends with.
function recap(r) {
  const c = r.counts;
  return (r.name || r.stack) + " : " + ["ok", "changed", "failed", "skipped", "held", "unknown", "drifted"].map(w => w + "=" + (c[w] || 0)).join("  ");
}

// stepsOf joins the records of each step: its intent, its result, its settlement.
function stepsOf(records) {
  const steps = new Map();
  for (const r of records) {
    if (!r.id) continue;
    const id = r.id + " " + r.run_num + " " + r.action;
    const step = steps.get(id) || {id, key: r.id, action: r.action, at: Date.parse(r._stamp), records: [], calls: [], outcome: "running", comment: "", ended: 0};
    steps.set(id, step);
    step.records.push(r);
    step.calls.push(...(r.calls || []));
    if (r.event === "intent") continue;
    step.ended = Date.parse(r._stamp);
    if (r.ret) {
      step.ret = r.ret;
      step.comment = r.ret.comment || "";
    }
    step.outcome = outcomeOf(r, step.outcome);
  }
  for (const s of steps.values()) s.took = Math.max(0, (s.ended || Date.now()) - s.at);
  return [...steps.values()].sort((a, b) => a.at - b.at);
}

function outcomeOf(r, before) {
  if (r.event === "skipped") return "skipped";
  if (r.event === "unchanged") return "held";
  if (r.ret && r.ret.result === false) return "failed";
  if (r.event === "prog" && r.ret && r.ret.result === null) return before;
  return "successful";
}

function scale(r, steps) {
  const start = Math.min(...steps.map(s => s.at), isTime(r.started) ? Date.parse(r.started) : Infinity);
  const end = Math.max(...steps.map(s => s.at + s.took), isTime(r.finished) ? Date.parse(r.finished) : 0);
  return [start, Math.max(1, end - start)];
}

function bar(from, length, outcome) {
  const part = el("i", {class: "tone-" + outcome});
  part.style.marginLeft = Math.min(99, Math.max(0, from * 100)) + "%";
  part.style.width = Math.min(100, Math.max(1, length * 100)) + "%";
  return el("span", {class: "track", "aria-hidden": "true"}, part);
}

function details(step) {
  const changes = Object.entries((step.ret && step.ret.changes) || {});
  return [
    changes.length > 0 && el("table", {class: "plain"}, el("thead", {}, el("tr", {}, ["Field", "Old", "New"].map(h => el("th", {scope: "col"}, h)))),
      el("tbody", {}, changes.map(([path, c]) => el("tr", {}, [path, c.old, c.new].map((v, i) => el("td", {"data-label": ["Field", "Old", "New"][i]}, el("code", {}, v || "nothing"))))))),
    step.ret && step.ret.__sls__ && el("p", {}, "asked for in ", el("code", {}, step.ret.__sls__)),
    ((step.ret && step.ret.warnings) || []).map(w => el("p", {}, w)),
    step.calls.length > 0 && el("ul", {class: "calls"}, step.calls.map(c => el("li", {}, el("code", {}, c.m + " " + c.path), " ", String(c.status), ", ", c.ms + " ms",
      c.req_id && [", request ", el("code", {}, c.req_id)]))),
    el("ul", {class: "calls"}, step.records.map(r => el("li", {}, "record ", String(r.seq), " ", r.event, " ", el("code", {title: r.hash}, r.hash)))),
  ];
}

// recordTable lists records as they are.
export function recordTable(records, empty) {
  return table("records", [
    {name: "When", class: "tight", sort: r => r._stamp, cell: r => when(r._stamp)},
    {name: "Stack", sort: r => r.stack, cell: r => [r.stack, " ", el("span", {class: "quiet"}, String(r.seq))]},
    {name: "Event", class: "tight", sort: r => r.event, cell: r => [(actions[r.action] || "") + " ", r.event]},
    {name: "Key", class: "wide", sort: r => r.id || "", cell: r => r.id || ""},
    {name: "Said", class: "wide", cell: r => r.ret ? r.ret.comment : ""},
    {name: "Run", class: "tight", sort: r => r.jid, cell: r => r.jid && el("a", {href: page("runs", r.jid)}, el("code", {}, r.jid))},
    {name: "By", sort: r => actor(r.actor), cell: r => actor(r.actor)},
    {name: "Hash", class: "tight", cell: r => el("code", {title: r.hash}, (r.hash || "").replace("sha256:", "").slice(0, 8))},
  ], records, empty);
}
