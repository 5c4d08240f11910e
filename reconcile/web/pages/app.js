// The pages: which one is shown, who looks at it, and what happens meanwhile.
import {el, fill} from "./dom.js";
import {events, get, token} from "./api.js";
import {overview} from "./overview.js";
import {stack} from "./stack.js";
import {run} from "./run.js";
import {audit} from "./audit.js";

const main = document.getElementById("main"), live = document.getElementById("live"), who = document.getElementById("who");
let me = null, shown = {}, stop = null, turn = 0;

// A link to any page may bring a token along, as #token=.../stacks/shop. It goes
// into this tab's storage, and out of the address and the history.
const given = /^#token=([^/]+)(\/.*)?$/.exec(location.hash);
if (given) {
  token.set(decodeURIComponent(given[1]));
  history.replaceState(null, "", location.pathname + "#" + (given[2] || "/"));
}

function signIn(why) {
  if (stop) stop();
  [stop, me, shown] = [null, null, {}];
  token.drop();
  fill(who);
  live.textContent = "";
  const field = el("input", {type: "password", name: "token", required: true, autocomplete: "off", spellcheck: "false"});
  fill(main, el("form", {class: "sign-in", onsubmit: e => {
    e.preventDefault();
    token.set(field.value.trim());
    show();
  }}, el("h1", {}, "Sign in"), why && el("p", {class: "note bad", role: "alert"}, why),
  el("p", {}, "The daemon prints a link with a token when it starts; ", el("code", {}, "reconcile token create"), " makes more."),
  el("label", {}, "Token", field), el("div", {class: "buttons"}, el("button", {type: "submit", class: "main"}, "Sign in"))));
  field.focus();
}

async function welcome() {
  me = await get(["me"]);
  fill(who, el("span", {title: "role " + me.role + (me.stacks.length ? ", for " + me.stacks.join(", ") : ", for all stacks")}, me.name, " (", me.role, ")"), " ",
    el("button", {type: "button", onclick: () => signIn()}, "Sign out"));
  follow();
}

// follow listens to what happens while the page can be seen: browsers open few
// connections to one daemon, and tabs in the background must not take them.
function follow() {
  if (stop) stop();
  stop = document.hidden ? null : events((name, data) => {
    if (shown[name]) Promise.resolve(shown[name](data)).catch(problem);
  }, (on, refused) => {
    if (refused) return signIn(refused.message);
    live.textContent = on ? "live" : "not live, trying again";
    live.className = on ? "on" : "off";
  });
}

document.addEventListener("visibilitychange", () => {
  if (!me) return;
  follow();
  if (!document.hidden) show(); // with what happened meanwhile
});
addEventListener("pagehide", () => stop && stop());

const views = {"": overview, stacks: (node, parts) => stack(node, me, parts), runs: (node, parts) => run(node, me, parts), audit};

async function show() {
  const mine = ++turn;
  if (!token.get()) return signIn();
  const [view, ...parts] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  document.querySelectorAll("header nav a").forEach(a =>
    a.toggleAttribute("aria-current", a.getAttribute("href") === (view === "audit" ? "#/audit" : "#/")));
  const node = el("div", {});
  try {
    if (!me) await welcome();
    const chosen = views[view] ? await views[view](node, parts) : fill(node, el("h1", {}, "There is no such page"));
    if (mine !== turn) return; // somebody went on meanwhile
    shown = chosen;
    fill(main, node);
  } catch (refused) {
    if (mine === turn) problem(refused);
  }
}

function problem(refused) {
  if (refused.status === 401) return signIn(token.get() ? refused.message : "");
  fill(main, el("h1", {}, refused.status === 404 ? "It is not there" : "This did not work"), el("p", {class: "note bad", role: "alert"}, refused.message),
    refused.request && el("p", {class: "quiet"}, "request ", el("code", {}, refused.request)));
}

addEventListener("hashchange", () => {
  show();
  main.focus();
});
show();
