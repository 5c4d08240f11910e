// How facts are said, the same as in the terminal.
import {el, page} from "./dom.js";

const none = "0001-01-01T00:00:00Z";
export const isTime = text => !!text && text !== none;

// span is a length of time in words, from milliseconds.
export function span(ms) {
  const s = Math.abs(ms) / 1000;
  if (s < 0.95) return Math.round(s * 1000) + " ms";
  if (s < 10) return s.toFixed(1) + " s";
  if (s < 90) return Math.round(s) + " s";
  if (s < 90 * 60) return Math.round(s / 60) + " min";
  if (s < 36 * 3600) return Math.round(s / 3600) + " h";
  return Math.round(s / 86400) + " d";
}

// ago says how long ago, or in how long.
export function ago(text) {
  const ms = Date.parse(text) - Date.now();
  return Math.abs(ms) < 1000 ? "now" : ms < 0 ? span(ms) + " ago" : "in " + span(ms);
}

// when says the same, and on demand exactly when.
export const when = text => isTime(text) ? el("time", {datetime: text, title: text}, ago(text)) : "";

export const short = commit => (commit || "").slice(0, 7);

// marks are the conditions and outcomes: a shape each, and a colour that only adds.
const marks = {
  synced: ["✓", "good"], progressing: ["…", "busy"], waiting: ["◇", "look"], held: ["‖", "look"], drifted: ["≠", "warn"],
  suspended: ["▪", "quiet"], unknown: ["?", "warn"], failed: ["✕", "bad"], unread: ["!", "bad"],
  running: ["…", "busy"], successful: ["✓", "good"], error: ["!", "bad"], canceled: ["–", "quiet"],
  due: ["▸", "look"], drift: ["≠", "warn"], unmanaged: ["○", "quiet"], skipped: ["–", "quiet"],
};

export function mark(word, title) {
  const [shape, tone] = marks[word] || ["·", "quiet"];
  return el("span", {class: "mark " + tone, title: title || word, role: "img", "aria-label": title || word}, shape);
}

export const rank = ["failed", "unread", "unknown", "drifted", "waiting", "held", "suspended", "progressing", "synced"];

export function commitOf(revision, subject) {
  if (!revision) return el("span", {class: "quiet"}, "never read");
  return [el("code", {title: revision}, short(revision)), subject ? " " + subject : ""];
}

export const actions = {create: "+", update: "~", replace: "±", reinstall: "!", delete: "-", adopt: "=", forget: "."};

export const actor = a => a ? [a.user || a.kind, a.host && "on " + a.host, a.via && a.via !== a.user && "via " + a.via].filter(Boolean).join(" ") : "";

export const elapsed = run => isTime(run.finished) ? Date.parse(run.finished) - Date.parse(run.started) : Date.now() - Date.parse(run.started);

// runSentence is what a mark in the strip says.
export function runSentence(run) {
  const c = run.counts || {};
  const parts = [["changed", c.changed], ["failed", c.failed], ["held", c.held], ["skipped", c.skipped]].filter(([, n]) => n).map(([w, n]) => n + " " + w);
  return [run.status + ": " + (run.job_explanation || parts.join(", ") || "nothing changed"), run.launch_type,
    run.scm_revision && short(run.scm_revision), run.started].filter(Boolean).join(" · ");
}

export const runLink = run => el("a", {href: page("runs", run.jid), title: runSentence(run)}, el("code", {}, run.jid));

// strip shows the last runs, the newest on the right.
export function strip(runs) {
  return el("span", {class: "strip"}, runs.slice(0, 30).reverse()
    .map(run => el("a", {href: page("runs", run.jid), title: runSentence(run)}, mark(run.status, runSentence(run)))));
}

const allows = {read: 1, operate: 2, approve: 3};
export const may = (me, role) => allows[me.role] >= allows[role];
