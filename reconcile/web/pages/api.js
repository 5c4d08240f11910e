// What the daemon is asked, with the token that stays in this tab.

const kept = "reconcile-token";

export const token = {
  get: () => sessionStorage.getItem(kept) || "",
  set: value => sessionStorage.setItem(kept, value),
  drop: () => sessionStorage.removeItem(kept),
};

// Refused is an answer that is no success, with the daemon's own words.
export class Refused extends Error {
  constructor(status, said) {
    super(said.message);
    this.status = status;
    this.code = said.code;
    this.request = said.request_id;
  }
}

async function ask(path, options) {
  const answer = await fetch(path, {
    ...options, credentials: "omit", cache: "no-store", redirect: "error",
    headers: {Authorization: "Bearer " + token.get(), ...(options && options.headers)},
  });
  if (answer.ok) return answer;
  let said = {message: "the daemon answered " + answer.status, code: ""};
  try {
    said = (await answer.json()).error || said;
  } catch { /* what stands between us and the daemon answered */ }
  throw new Refused(answer.status, said);
}

const at = (parts, query) => {
  const search = new URLSearchParams(Object.entries(query || {}).filter(([, v]) => v));
  return "/api/v1/" + parts.map(encodeURIComponent).join("/") + (search.size ? "?" + search : "");
};

export const get = async (parts, query) => (await ask(at(parts, query))).json();
export const text = async parts => (await ask(at(parts))).text();
export const remove = (parts, query) => ask(at(parts, query), {method: "DELETE"});
export const post = (parts, body) => ask(at(parts), {method: "POST", body: JSON.stringify(body), headers: {"Content-Type": "application/json"}});

// maybe gives what is not there as null.
export async function maybe(promise) {
  try {
    return await promise;
  } catch (refused) {
    if (refused.status === 404) return null;
    throw refused;
  }
}

// events reads the stream of what happens until stop is called, and comes back
// where it broke off. EventSource cannot send a token, so it is read by hand.
export function events(tell, state) {
  const abort = new AbortController();
  let last = "", wait = 1000;
  (async () => {
    while (!abort.signal.aborted) {
      try {
        const answer = await ask(at(["events"]), {signal: abort.signal, headers: {Accept: "text/event-stream", ...(last && {"Last-Event-ID": last})}});
        state(true);
        wait = 1000;
        await readEvents(answer.body, (name, id, data) => {
          if (id) last = id;
          tell(name, data);
        });
      } catch (problem) {
        if (problem.status === 401) return state(false, problem);
      }
      if (abort.signal.aborted) return;
      state(false);
      await new Promise(resolve => setTimeout(resolve, wait));
      wait = Math.min(wait * 2, 30000);
    }
  })();
  return () => abort.abort();
}

async function readEvents(body, tell) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const {value, done} = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = {};
      for (const line of block.split("\n")) {
        const colon = line.indexOf(": ");
        if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 2);
      }
      if (fields.event && fields.data) tell(fields.event, fields.id, JSON.parse(fields.data));
    }
  }
}
