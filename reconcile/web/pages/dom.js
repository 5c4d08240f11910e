// Elements are made here and nowhere else. Text becomes text nodes; no string is
// ever parsed as HTML, and links lead to our own pages or to http and https.

export function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "href") setLink(node, value);
    else if (name === "value" || name === "disabled" || name === "required" || name === "open") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter(c => c !== null && c !== undefined && c !== false));
  return node;
}

// setLink leaves the address away if it is not one to go to.
function setLink(node, address) {
  if (typeof address === "string" && address.startsWith("#/")) {
    node.setAttribute("href", address);
    return;
  }
  const url = webAddress(address);
  if (url) {
    node.setAttribute("href", url);
    node.setAttribute("rel", "noopener noreferrer");
    node.setAttribute("target", "_blank");
  }
}

// webAddress gives an address of the web, "" for anything else.
export function webAddress(text) {
  try {
    const url = new URL(text);
    return (url.protocol === "https:" || url.protocol === "http:") && !url.username && !url.password ? url.href : "";
  } catch {
    return "";
  }
}

export function fill(node, ...children) {
  node.replaceChildren(...children.flat(Infinity).filter(c => c !== null && c !== undefined && c !== false));
  return node;
}

// page is the address of one of our own pages.
export const page = (...parts) => "#/" + parts.map(encodeURIComponent).join("/");

// table makes a table whose columns sort: each column is {name, cell, sort, small}.
// Its order outlives a redraw, by the name under which it is remembered.
const orders = new Map();

export function table(remembered, columns, rows, empty) {
  if (rows.length === 0) return el("p", {class: "quiet"}, empty);
  const body = el("tbody");
  const heads = columns.map((column, i) => {
    const head = el("th", {scope: "col"});
    if (!column.sort) {
      head.append(column.name);
      return head;
    }
    head.append(el("button", {class: "sort", type: "button", onclick: () => {
      const old = orders.get(remembered);
      orders.set(remembered, {by: i, down: old && old.by === i && !old.down});
      draw();
    }}, column.name));
    return head;
  });
  function draw() {
    const order = orders.get(remembered);
    let sorted = rows;
    heads.forEach((head, i) => {
      if (order && order.by === i) head.setAttribute("aria-sort", order.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    if (order && columns[order.by]) {
      const key = columns[order.by].sort;
      sorted = [...rows].sort((a, b) => compare(key(a), key(b)) * (order.down ? -1 : 1));
    }
    fill(body, sorted.map(row => {
      const line = el("tr", {}, columns.map(c => el("td", {"data-label": c.name, class: c.class}, c.cell(row))));
      const more = columns.more && columns.more(row, line);
      return more ? [line, more] : line;
    }));
  }
  draw();
  return el("table", {}, el("thead", {}, el("tr", {}, heads)), body);
}

function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

// facts is a list of names and values; those without a value are left out.
export function facts(pairs) {
  return el("dl", {class: "facts"}, pairs.filter(([, v]) => v !== undefined && v !== null && v !== "" && v !== false)
    .map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

// ask shows a dialog of fields and gives their values, or null.
export function ask(title, text, fields, verb) {
  return new Promise(resolve => {
    const inputs = fields.map(f => el("input", {name: f.name, type: f.type || "text", required: !!f.required, maxlength: "500", autocomplete: "off"}));
    const dialog = el("dialog", {"aria-label": title},
      el("form", {method: "dialog", onsubmit: () => { dialog.returnValue = "yes"; }},
        el("h2", {}, title), text && el("p", {}, text),
        fields.map((f, i) => el("label", {}, f.label, inputs[i])),
        el("div", {class: "buttons"}, el("button", {type: "submit", class: "main"}, verb),
          el("button", {type: "button", onclick: () => dialog.close("no")}, "Leave it"))));
    dialog.addEventListener("close", () => {
      const values = Object.fromEntries(inputs.map(i => [i.name, i.value.trim()]));
      dialog.remove();
      resolve(dialog.returnValue === "yes" ? values : null);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
