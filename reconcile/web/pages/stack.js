import {ask, el, facts, fill, page, table, webAddress} from "./dom.js";
import {get, maybe, post, remove, text} from "./api.js";
import {actions, actor, commitOf, isTime, mark, may, runLink, short, span, when, elapsed} from "./words.js";
import {recordTable} from "./run.js";

const tabs = ["resources", "plan", "drift", "runs"];

// stack shows one stack, and below it one of its tabs.
export async function stack(main, me, [name, tab = "resources", ...key]) {
  let s = await get(["stacks", name]);
  document.title = name + " · reconcile";
  const top = el("section", {}), notes = el("div", {}), below = el("section", {}), progress = el("ul", {class: "progress", "aria-live": "polite"});
  fill(main, top, notes, progress, below);
  const steps = new Map();

  async function head() {
    const orders = s.stack ? (await get(["orders"], {stack: s.stack})).orders : [];
    fill(top,
      el("p", {class: "where"}, webAddress(s.location) ? el("a", {href: s.location}, s.location) : s.location,
        s.branch && " · " + s.branch, s.path && " · " + s.path, s.stack && [" · ", el("code", {}, s.stack)]),
      el("h1", {}, mark(s.condition), " ", s.name),
      el("p", {class: "sentence"}, s.sentence, " ", el("span", {class: "quiet"}, when(s.since))),
      (s.problems || []).length > 0 && el("ul", {class: "problems"}, s.problems.map(p => el("li", {}, p))),
      facts([["Commit", commitOf(s.revision.id, s.revision.subject)], ["By", [s.revision.author, " ", when(s.revision.when)]],
        ["Applied", s.applied && s.applied !== s.revision.id && el("code", {title: s.applied}, short(s.applied))],
        ["Pinned", s.pinned && el("code", {}, short(s.pinned))], ["Mode", s.mode],
        ["Looked", [when(s.looked), s.took_us ? ", took " + span(s.took_us / 1000) : ""]], ["Next look", when(s.next)],
        ["All was well", when(s.succeeded)]]),
      buttons(orders),
      orders.length > 0 && el("ul", {class: "orders"}, orders.map(o => el("li", {}, el("strong", {}, o.verb), o.key ? " " + o.key : "",
        o.reason ? ": " + o.reason : "", el("span", {class: "quiet"}, " ", actor(o.by), " ", when(o.at), isTime(o.until) && [", until ", when(o.until)]), " ",
        may(me, ["suspend", "hold", "cancel", "relaunch"].includes(o.verb) ? "operate" : "approve") &&
          el("button", {type: "button", onclick: () => act(remove(["orders", o.id]))}, "End it")))),
      el("nav", {class: "tabs", "aria-label": "Parts"}, tabs.map(t => el("a", {href: page("stacks", name, t), "aria-current": t === tab && "page"},
        t[0].toUpperCase() + t.slice(1)))));
  }

  function buttons(orders) {
    const list = [];
    if (may(me, "operate")) {
      list.push(el("button", {type: "button", onclick: () => act(post(["stacks", name, "nudge"], {}))}, "Look now"));
      if (s.stack && !orders.some(o => o.verb === "suspend")) list.push(el("button", {type: "button", onclick: suspend}, "Suspend"));
    }
    if (may(me, "approve") && s.stack && s.condition === "waiting" && s.plan) {
      list.push(el("button", {type: "button", class: "main", onclick: approve}, "Approve the plan"));
    }
    return list.length > 0 && el("p", {class: "buttons"}, list);
  }

  async function suspend() {
    const said = await ask("Suspend " + name, "It is looked at, and nothing is changed, until the order ends.",
      [{name: "reason", label: "Why", required: true}, {name: "until", label: "Until (empty: until somebody ends it)", type: "datetime-local"}], "Suspend");
    if (said) await act(post(["orders"], {verb: "suspend", stack: s.stack, reason: said.reason, ...(said.until && {until: new Date(said.until).toISOString()})}));
  }

  async function approve() {
    const said = await ask("Approve the plan of " + name, "Plan " + short(s.plan) + " runs as it is shown. If it changes before, it waits again.",
      [{name: "reason", label: "Why (may be empty)"}], "Approve");
    if (said) await act(post(["orders"], {verb: "approve", stack: s.stack, value: s.plan, reason: said.reason}));
  }

  async function act(promise) {
    try {
      await promise;
      note("Told; the stack is looked at now.");
    } catch (refused) {
      note(refused.message, true);
    }
    s = await get(["stacks", name]);
    await head();
  }

  function note(said, bad) {
    const line = el("p", {class: bad ? "note bad" : "note", role: "status"}, said);
    fill(notes, line);
    setTimeout(() => line.remove(), 8000);
  }

  await head();
  const show = () => parts[tab] ? parts[tab](below, s, key) : fill(below, el("p", {}, "There is no such part."));
  await show();
  return {
    standing: async changed => {
      if (changed.name !== name) return;
      s = changed;
      steps.clear();
      fill(progress);
      await head();
      await show();
    },
    progress: p => {
      if (p.stack !== name) return;
      steps.set(p.key, p);
      fill(progress, [...steps.values()].map(step => el("li", {}, (actions[step.action] || " ") + " ", el("code", {}, step.key), " ", step.state,
        step.detail ? ": " + step.detail : "", el("span", {class: "quiet"}, " ", when(step.since)))));
    },
  };
}

const parts = {
  resources(node, s, key) {
    if (key.length) return resource(node, s, key.join("/"));
    const items = s.items || [];
    fill(node, el("p", {class: "quiet"}, s.counts.ok + " as they shall be; those that are not:"), table("items", [
      {name: "Key", class: "wide", sort: i => i.key, cell: i => [mark(i.state), " ", el("a", {href: page("stacks", s.name, "resources", ...i.key.split("/"))}, i.key)]},
      {name: "State", sort: i => i.state, cell: i => (i.action ? (actions[i.action] || "") + " " : "") + i.state},
      {name: "Why", class: "wide", cell: i => whys(i)},
      {name: "Line", cell: i => i.origin && el("code", {}, i.origin)},
      {name: "Since", sort: i => i.since, cell: i => when(i.since)},
      {name: "Next try", sort: i => i.next, cell: i => when(i.next)},
    ], items, "Nothing: all resources are as they shall be."));
  },
  async plan(node, s) {
    const plan = await maybe(text(["stacks", s.name, "artefacts", "plan.txt"]));
    fill(node, plan === null ? el("p", {class: "quiet"}, "No plan was made yet.") : el("pre", {tabindex: "0"}, plan),
      s.plan && el("p", {class: "quiet"}, "plan ", el("code", {}, s.plan)));
  },
  async drift(node, s) {
    const drift = await maybe(get(["stacks", s.name, "artefacts", "drift.json"]));
    if (drift === null) return fill(node, el("p", {class: "quiet"}, "Drift was not looked for yet."));
    const group = (title, list) => (list || []).length > 0 && [el("h2", {}, title), el("ul", {class: "drift"}, list.map(driftLine))];
    const found = [group("Changed behind Git", (drift.changed || []).filter(c => c.cause === "drift")),
      group("Changed on both sides", (drift.changed || []).filter(c => c.cause === "conflict")),
      group("Changed, nobody knows by whom", (drift.changed || []).filter(c => c.cause !== "drift" && c.cause !== "conflict")),
      group("Missing", drift.missing), group("Surplus", drift.surplus), group("Unmanaged", drift.unmanaged)];
    const alerts = Object.values(drift.alerts || {}).flat();
    fill(node, found.some(Boolean) ? found : el("p", {}, "Nothing was changed behind Git."),
      alerts.length > 0 && [el("h2", {}, "Could not be read"), el("ul", {}, alerts.map(a => el("li", {}, a.message)))],
      el("p", {class: "quiet"}, "Coverage ", String(drift.coverage), " %. Two ways out: apply repairs what live changed; drift --write takes it over."));
  },
  async runs(node, s) {
    const {runs} = s.stack ? await get(["runs"], {stack: s.stack, limit: 100}) : {runs: []};
    fill(node, table("runs", [
      {name: "Run", class: "wide", sort: r => r.jid, cell: r => [mark(r.status), " ", runLink(r)]},
      {name: "Status", sort: r => r.status, cell: r => r.status},
      {name: "Launched by", sort: r => r.launch_type, cell: r => r.launch_type},
      {name: "Commit", class: "wide", cell: r => commitOf(r.scm_revision, r.scm_subject)},
      {name: "Changed", sort: r => r.counts.changed, cell: r => String(r.counts.changed)},
      {name: "Failed", sort: r => r.counts.failed, cell: r => String(r.counts.failed)},
      {name: "Started", sort: r => r.started, cell: r => when(r.started)},
      {name: "Took", sort: elapsed, cell: r => span(elapsed(r))},
    ], runs, "No run yet: nothing had to be done."));
  },
};

function whys(item) {
  return [(item.fields || []).map(f => el("div", {}, el("code", {}, f))),
    (item.reasons || []).map(r => el("div", {}, r.guard ? el("strong", {}, r.guard + ": ") : "", r.text, r.at && [" ", el("code", {}, r.at)]))];
}

function driftLine(c) {
  return el("li", {}, el("code", {}, (c.source && c.source.internal_name) || c.name || c.id), " ", el("span", {class: "quiet"}, c.type, c.place ? " " + c.place : "",
    c.source && c.source.source ? " " + c.source.source : ""),
    (c.fields || []).map(f => el("div", {}, f.path, "  ", el("code", {}, said(f.git)), " in Git, ", el("code", {}, said(f.live)), " live")));
}

const said = value => value === null || value === undefined ? "nothing" : typeof value === "string" ? value : JSON.stringify(value);

async function resource(node, s, key) {
  const found = await get(["stacks", s.name, "resources", ...key.split("/")]);
  fill(node, el("h2", {}, found.item ? mark(found.item.state) : mark("synced"), " ", key),
    found.item ? [el("p", {}, found.item.state, found.item.origin && [" ", el("code", {}, found.item.origin)]), whys(found.item)]
      : el("p", {}, "It is as it shall be, or not part of this stack."),
    el("h2", {}, "What was done to it"), recordTable(found.records.reverse(), "Nothing is recorded."),
    found.runs.length > 0 && [el("h2", {}, "In these runs"), el("ul", {}, found.runs.map(r => el("li", {}, mark(r.status), " ", runLink(r), " ", when(r.started))))]);
}
