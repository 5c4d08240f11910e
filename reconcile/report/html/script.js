"use strict";
// The page is whole without this: it filters, sorts, folds and unfolds.
(() => {
  const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));
  const tools = document.getElementById("tools");
  const cards = all(".card");
  if (cards.length < 2) return;
  const filter = document.getElementById("filter"), order = document.getElementById("order"), shown = document.getElementById("shown");
  const chips = all(".chip");
  const texts = new Map(cards.map(card => [card, card.textContent.toLowerCase()]));
  const places = new Map(cards.map((card, i) => [card, i]));
  const keyOf = card => card.querySelector("h3").textContent;

  function choose() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const tags = chips.filter(chip => chip.getAttribute("aria-pressed") === "true").map(chip => chip.dataset.tag);
    let n = 0;
    for (const card of cards) {
      const own = card.dataset.tags.split(" ");
      card.hidden = !words.every(word => texts.get(card).includes(word)) || tags.length > 0 && !tags.some(tag => own.includes(tag));
      if (!card.hidden) n++;
    }
    for (const group of all(".group")) group.classList.toggle("empty", !all(".card", group).some(card => !card.hidden));
    shown.textContent = words.length || tags.length ? n + " of " + cards.length + " shown" : "";
  }

  const orders = {
    "": (a, b) => places.get(a) - places.get(b),
    key: (a, b) => keyOf(a).localeCompare(keyOf(b)),
    at: (a, b) => b.dataset.at - a.dataset.at,
    money: (a, b) => b.dataset.money - a.dataset.money,
  };

  function sort() {
    for (const list of all(".cards")) list.append(...all(".card", list).sort((a, b) => orders[order.value](a, b) || orders[""](a, b)));
  }

  const foldAll = open => cards.forEach(card => { if (!card.hidden) card.open = open; });

  filter.addEventListener("input", choose);
  order.addEventListener("change", sort);
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
      choose();
    });
  }
  document.getElementById("unfold").addEventListener("click", () => foldAll(true));
  document.getElementById("fold").addEventListener("click", () => foldAll(false));
  document.addEventListener("keydown", e => {
    if (e.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName) && !e.ctrlKey && !e.metaKey && !e.altKey) {
      e.preventDefault();
      filter.focus();
    }
  });
  tools.hidden = false;
  choose();
})();
